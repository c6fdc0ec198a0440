// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// The rules of a machine's life: what a request or an observation makes of it. Pure; the caller stores the machine and
/// the events in one transaction.
public struct LifecycleRules: Sendable {
    public var limits: LifecycleLimits

    public init(limits: LifecycleLimits = LifecycleLimits()) {
        self.limits = limits
    }

    /// What a machine that asks over the network is told to boot (MAAS: `get_boot_purpose`).
    public static func bootPurpose(of machine: Machine) -> BootPurpose {
        switch machine.status {
        case .new, .commissioning, .testing, .diskErasing, .releasing, .enteringRescueMode, .rescueMode: .commissioning
        case .deploying: machine.netboot ? .xinstall : .local
        case .deployed: .local
        case .failedCommissioning, .missing, .ready, .reserved, .retired, .broken, .allocated, .failedDeployment, .releasingFailed,
            .failedDiskErasing, .failedEnteringRescueMode, .exitingRescueMode, .failedExitingRescueMode, .failedTesting:
            .poweroff
        }
    }

    /// Puts a machine that just made itself known, and that runs the ephemeral OS, into commissioning.
    public func enlist(_ machine: inout Machine, now: Timestamp) -> [Event] {
        self.begin(.commission, on: &machine, status: .commissioning, options: [:], now: now)
        machine.operation?.phase = .running
        machine.operation?.deadline = now.advanced(by: self.limits.silence)
        machine.lastContact = now
        machine.powerState = .on
        machine.powerStateUpdated = now
        return [
            event(machine, .lifecycle, "Enlisted", "\(machine.hostname) made itself known", now),
            self.statusEvent(machine, from: .new, now: now),
        ]
    }

    // MARK: building blocks of requests and observations

    /// Starts an operation; its first phase tells the BMC to boot from the network, unless nobody can be told.
    func begin(_ kind: MachineOperation.Kind, on machine: inout Machine, status: NodeStatus, options: [String: String], now: Timestamp) {
        precondition(StatusTransitions.allows(machine.status, to: status), "\(machine.status) to \(status)")
        if machine.status != status { machine.previousStatus = machine.status }
        machine.status = status
        machine.errorDescription = ""
        machine.statusMessage = ""
        machine.generation += 1
        machine.operation = MachineOperation(
            generation: machine.generation, kind: kind, phase: .power, powerAction: kind == .release ? .off : .cycle,
            bootDevice: kind == .release ? nil : .network, startedAt: now, deadline: now.advanced(by: self.limits.power), options: options
        )
    }

    /// Ends the operation's work, and has the machine switched off.
    func powerOff(_ machine: inout Machine, failure: String? = nil, now: Timestamp) {
        machine.operation?.phase = .poweringOff
        machine.operation?.powerAction = .off
        machine.operation?.bootDevice = nil
        machine.operation?.attempts = 0
        machine.operation?.notBefore = now
        machine.operation?.deadline = now.advanced(by: self.limits.power)
        machine.operation?.failure = failure
    }

    /// Changes the state.
    func move(_ machine: inout Machine, to status: NodeStatus, now: Timestamp) -> [Event] {
        guard machine.status != status else { return [] }
        precondition(StatusTransitions.allows(machine.status, to: status), "\(machine.status) to \(status)")
        let before = machine.status
        machine.status = status
        return [self.statusEvent(machine, from: before, now: now)]
    }

    /// Takes the machine from its owner.
    func disown(_ machine: inout Machine) {
        machine.owner = nil
        machine.agentName = ""
        machine.ownerData = [:]
        machine.osystem = ""
        machine.distroSeries = ""
        machine.netboot = true
        machine.locked = false
    }

    func statusEvent(_ machine: Machine, from before: NodeStatus, now: Timestamp) -> Event {
        let isFailure = [.failedCommissioning, .failedDeployment, .releasingFailed, .failedDiskErasing, .broken].contains(machine.status)
        return event(
            machine, .lifecycle, machine.status.name,
            "from \(before.name)" + (machine.errorDescription.isEmpty ? "" : ": \(machine.errorDescription)"),
            now, level: isFailure ? .error : .info
        )
    }

    func event(
        _ machine: Machine, _ source: Event.Source, _ type: String, _ description: String, _ now: Timestamp, level: EventLevel = .info,
        user: String = ""
    ) -> Event {
        Event(
            machineID: machine.id, hostname: machine.hostname, level: level, source: source, type: type, description: description, user: user,
            occurred: now
        )
    }
}
