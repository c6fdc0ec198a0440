// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterLink
internal import ClusterMessages
internal import Domain
internal import Leasing
internal import Logging
internal import Synchronization

/// Tells the region what the rack saw: boot observations in batches, and the segments' lease messages. Without a link,
/// observations wait in a bounded queue that drops the oldest; leases are repeated by their core.
final class RackReporter: Sendable {
    private struct Pending {
        var observations: [RackObservation] = []
        var lost = 0
    }

    private let link: LinkClient
    private let controller: RackController
    private let answers: BootAnswers
    private let boot: BootObservations
    private let logger: Logger
    private let pending = Mutex(Pending())
    /// 20,000 observations are about 4 MB: an hour of a busy rack without a region.
    private static let maximumPending = 20_000
    private static let batch = 200

    init(link: LinkClient, controller: RackController, answers: BootAnswers, boot: BootObservations, logger: Logger) {
        self.link = link
        self.controller = controller
        self.answers = answers
        self.boot = boot
        self.logger = logger
    }

    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { for await observation in self.boot.events { self.add(ObservationText.observation(observation, self.answers)) } }
            group.addTask { await self.sendObservations() }
            group.addTask {
                await withDiscardingTaskGroup { segments in
                    for await service in self.controller.newIPv6Segments {
                        segments.addTask { await self.collectObservations(of: service) }
                    }
                    segments.cancelAll()
                }
            }
            await withDiscardingTaskGroup { segments in
                for await service in self.controller.newSegments {
                    segments.addTask { await self.forwardLeases(of: service) }
                    segments.addTask { await self.collectObservations(of: service) }
                }
                segments.cancelAll()
            }
            group.cancelAll()
        }
    }

    private func add(_ observation: RackObservation) {
        self.pending.withLock { pending in
            if pending.observations.count >= Self.maximumPending {
                pending.observations.removeFirst(Self.batch)
                pending.lost += Self.batch
            }
            pending.observations.append(observation)
        }
    }

    private func collectObservations(of service: DHCPService) async {
        for await observation in service.observations {
            if let address = observation.address, observation.kind == .acknowledge {
                self.answers.note(client: .v4(address), is: observation.macAddress)
            }
            self.add(ObservationText.observation(observation))
        }
    }

    private func collectObservations(of service: DHCPv6Service) async {
        for await observation in service.observations {
            if let address = observation.address, let machine = observation.macAddress, observation.kind == .reply {
                self.answers.note(client: .v6(address), is: machine)
            }
            self.add(ObservationText.observation(observation))
        }
    }

    private func forwardLeases(of service: DHCPService) async {
        for await message in service.outbound {
            do {
                _ = try await self.link.send(LeaseRackReport(message), deadline: .seconds(10))
            } catch {
                self.logger.debug("lease message not sent", metadata: ["error": "\(error)"])
                if case .report(let report) = message { service.requeue(report) }
                if (try? await Task.sleep(for: .seconds(1))) == nil { return }  // cancelled: the rack stops
            }
        }
    }

    private func sendObservations() async {
        while (try? await Task.sleep(for: .milliseconds(300))) != nil {  // cancelled: the rack stops
            let (batch, lost) = self.pending.withLock { (Array($0.observations.prefix(Self.batch)), $0.lost) }
            guard !batch.isEmpty, self.link.isUp else { continue }
            do {
                _ = try await self.link.send(
                    RackObservations(observations: batch, lost: lost + Int(self.boot.lost)), deadline: .seconds(10)
                )
                self.pending.withLock { pending in
                    // What was dropped meanwhile for want of room was the beginning of this batch.
                    let dropped = pending.lost - lost
                    pending.observations.removeFirst(min(max(batch.count - dropped, 0), pending.observations.count))
                }
            } catch {
                self.logger.debug("observations not sent", metadata: ["error": "\(error)"])
                if (try? await Task.sleep(for: .seconds(1))) == nil { return }  // cancelled: the rack stops
            }
        }
    }
}
