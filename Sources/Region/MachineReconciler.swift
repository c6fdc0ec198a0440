// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain
internal import Lifecycle
internal import Logging
internal import PostgresStorage
internal import Synchronization

/// Carries on every machine's operation: asks the planner for the next step, has it done, and stores what came of it. Takes
/// no argument, and may run in several regions at once: a step is taken under the machine's row lock.
final class MachineReconciler: Sendable {
    private let store: Store
    private let power: PowerGateway
    private let rules: LifecycleRules
    private let logger: Logger
    /// Machines whose BMC is being told something by this region.
    private let inFlight = Mutex<Set<SystemID>>([])
    /// More than this wait for the next activation; a rack drives 8 BMCs at a time.
    private static let maximumInFlight = 64

    init(store: Store, power: PowerGateway, rules: LifecycleRules, logger: Logger) {
        self.store = store
        self.power = power
        self.rules = rules
        self.logger = logger
    }

    func run() async {
        await withDiscardingTaskGroup { group in
            let (work, queue) = AsyncStream.makeStream(of: SystemID.self, bufferingPolicy: .bufferingOldest(Self.maximumInFlight))
            group.addTask {
                await withDiscardingTaskGroup { steps in
                    for await id in work { steps.addTask { await self.step(id) } }
                }
            }
            await PeriodicActivation(store: self.store, channels: [.machine], period: .seconds(3)).run { await self.activate(queue) }
            queue.finish()
        }
    }

    private func activate(_ queue: AsyncStream<SystemID>.Continuation) async {
        do {
            for id in try await self.store.read({ try await $0.machinesWithOperations() }) {
                let isNew = self.inFlight.withLock { $0.count < Self.maximumInFlight && $0.insert(id).inserted }
                guard isNew else { continue }
                if case .dropped = queue.yield(id) { self.inFlight.withLock { _ = $0.remove(id) } }
            }
        } catch {
            self.logger.warning("operations not read", metadata: ["error": "\(error)"])
        }
    }

    private func step(_ id: SystemID) async {
        defer { self.inFlight.withLock { _ = $0.remove(id) } }
        do {
            guard let (machine, step) = try await self.claim(id) else { return }
            switch step {
            case .power(let action, let device, let identity):
                let report = try await self.power.perform(action, on: machine, bootDevice: device, operationID: identity)
                try await self.observe(Self.observation(report, of: action), of: id, generation: machine.operation?.generation)
            case .assume(let state): try await self.observe(.power(state), of: id, generation: machine.operation?.generation)
            case .expire: try await self.observe(.expired, of: id, generation: machine.operation?.generation)
            case .idle, .wait: break
            }
        } catch {
            self.logger.warning("operation not carried on", metadata: ["machine.id": "\(id)", "error": "\(error)"])
        }
    }

    /// Reads the machine's next step. A power step is reserved for this region by putting off the next try beyond its deadline.
    private func claim(_ id: SystemID) async throws -> (Machine, Planner.Step)? {
        try await self.store.transaction { transaction in
            guard var machine = try await transaction.lockMachineSkippingLocked(id) else { return nil }
            let now = WallClock.now
            let step = Planner.step(for: machine, now: now)
            switch step {
            case .idle, .wait: return nil
            case .assume, .expire: break
            case .power:
                machine.operation?.notBefore = now.advanced(by: .seconds(PowerGateway.deadlineSeconds + 20))
                machine = try await transaction.update(machine)
            }
            return (machine, step)
        }
    }

    private static func observation(_ report: PowerReport, of action: PowerAction) -> MachineObservation {
        guard report.succeeded else { return .powerFailed(message: report.message, transient: report.isTransient) }
        return .power(report.state ?? (action == .off || action == .softOff ? .off : .on))
    }

    private func observe(_ observation: MachineObservation, of id: SystemID, generation: Int?) async throws {
        try await self.store.transaction { transaction in
            guard var machine = try await transaction.lockMachine(id), machine.operation?.generation == generation else { return }
            let events = self.rules.observe(observation, of: &machine, now: WallClock.now)
            try await transaction.update(machine)
            try await transaction.append(events)
        }
    }
}
