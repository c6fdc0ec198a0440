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
    private let link: LinkClient
    private let controller: RackController
    private let answers: BootAnswers
    private let boot: BootObservations
    private let logger: Logger
    private let pending = Mutex(PendingObservations())
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
            group.addTask { for await observation in self.boot.events { self.add(.boot(ObservationText.observation(observation, self.answers))) } }
            group.addTask { await self.sendObservations() }
            group.addTask { await self.sendSegmentStatus() }
            group.addTask { for await report in self.controller.successionReports { self.add(.boot(report)) } }
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

    private func add(_ seen: PendingObservations.Seen) {
        self.pending.withLock { $0.append(seen) }
    }

    private func collectObservations(of service: DHCPService) async {
        for await observation in service.observations {
            if let address = observation.address, observation.kind == .acknowledge {
                self.answers.note(client: .v4(address), is: observation.macAddress)
            }
            self.add(.dhcp(observation))
        }
    }

    private func collectObservations(of service: DHCPv6Service) async {
        for await observation in service.observations {
            if let address = observation.address, let machine = observation.macAddress, observation.kind == .reply {
                self.answers.note(client: .v6(address), is: machine)
            }
            self.add(.boot(ObservationText.observation(observation)))
        }
    }

    private func forwardLeases(of service: DHCPService) async {
        for await message in service.outbound {
            do {
                _ = try await self.link.send(LeaseRackReport(message), deadline: .seconds(10))
                // What changes meanwhile goes with the next report, once for each address.
                if case .report = message, (try? await Task.sleep(for: .milliseconds(100))) == nil { return }  // cancelled: the rack stops
            } catch {
                self.logger.debug("lease message not sent", metadata: ["error": "\(error)"])
                if case .report(let report) = message { service.requeue(report) }
                if (try? await Task.sleep(for: .seconds(1))) == nil { return }  // cancelled: the rack stops
            }
        }
    }

    /// At once when something changed, as seen twice a second, and every ten seconds anyhow.
    private func sendSegmentStatus() async {
        var told: [SegmentStatus] = []
        var pauses = 0
        while (try? await Task.sleep(for: .milliseconds(500))) != nil {  // cancelled: the rack stops
            let status = await self.controller.segmentStatus
            pauses += 1
            guard status != told || pauses >= 20, !(status.isEmpty && told.isEmpty), self.link.isUp else { continue }
            do {
                _ = try await self.link.send(SegmentStatusReport(segments: status), deadline: .seconds(10))
                (told, pauses) = (status, 0)
            } catch {
                self.logger.debug("segment status not sent", metadata: ["error": "\(error)"])
            }
        }
    }

    private func sendObservations() async {
        while (try? await Task.sleep(for: .milliseconds(300))) != nil {  // cancelled: the rack stops
            let (seen, lost) = self.pending.withLock { (Array($0.prefix(Self.batch)), $0.lost) }
            guard !seen.isEmpty, self.link.isUp else { continue }
            let batch = seen.map { seen in
                switch seen {
                case .dhcp(let observation): ObservationText.observation(observation)
                case .boot(let observation): observation
                }
            }
            do {
                _ = try await self.link.send(
                    RackObservations(observations: batch, lost: lost + Int(self.boot.lost)), deadline: .seconds(10)
                )
                self.pending.withLock { pending in
                    // What was dropped meanwhile for want of room was the beginning of this batch.
                    let dropped = pending.lost - lost
                    pending.removeFirst(max(batch.count - dropped, 0))
                }
            } catch {
                self.logger.debug("observations not sent", metadata: ["error": "\(error)"])
                if (try? await Task.sleep(for: .seconds(1))) == nil { return }  // cancelled: the rack stops
            }
        }
    }
}
