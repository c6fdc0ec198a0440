// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Says what is to be done next for a machine's operation. Pure: the reconciler executes, and reports back by `LifecycleRules.observe`.
public enum Planner {
    public enum Step: Sendable, Hashable {
        /// Nothing to do until something is observed.
        case idle
        /// Nothing to do before this moment.
        case wait(until: Timestamp)
        /// Tell the BMC.
        case power(PowerAction, bootDevice: BootDevice?, operationID: String)
        /// Nobody can be told: take this power state as reached.
        case assume(PowerState)
        /// Report `.expired`.
        case expire
    }

    /// The next step of a machine's operation.
    public static func step(for machine: Machine, now: Timestamp) -> Step {
        guard let operation = machine.operation else { return .idle }
        if now >= operation.deadline { return .expire }
        switch operation.phase {
        case .booting, .running, .rebooting: return .wait(until: operation.deadline)
        case .power, .poweringOff:
            guard machine.powerType != .manual else {
                return .assume(operation.powerAction == .off || operation.powerAction == .softOff ? .off : .on)
            }
            if now < operation.notBefore { return .wait(until: operation.notBefore) }
            let identity = "\(machine.id)-\(operation.generation)-\(operation.phase.rawValue)-\(operation.attempts)"
            return .power(operation.powerAction, bootDevice: operation.bootDevice, operationID: identity)
        }
    }
}
