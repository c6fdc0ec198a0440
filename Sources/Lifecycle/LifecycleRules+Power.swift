// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

extension LifecycleRules {
    func powerObserved(_ machine: inout Machine, _ state: PowerState, now: Timestamp) -> [Event] {
        let changed = machine.powerState != state
        machine.powerState = state
        machine.powerStateUpdated = now
        var events = changed ? [event(machine, .power, "Power \(state.rawValue)", "the BMC says so", now)] : []
        guard let operation = machine.operation else { return events }
        switch operation.phase {
        case .power where Self.isReached(operation.powerAction, state): events += self.powerReached(&machine, operation, now: now)
        case .poweringOff where state == .off: events += self.finishPowerOff(&machine, now: now)
        case .power, .poweringOff, .booting, .running, .rebooting: break
        }
        return events
    }

    private static func isReached(_ action: PowerAction, _ state: PowerState) -> Bool {
        switch action {
        case .on, .cycle: state == .on
        case .off, .softOff: state == .off
        case .status: true
        }
    }

    private func powerReached(_ machine: inout Machine, _ operation: MachineOperation, now: Timestamp) -> [Event] {
        switch operation.kind {
        case .power:
            machine.operation = nil
            return []
        case .release: return self.finishPowerOff(&machine, now: now)
        case .commission, .deploy, .erase:
            machine.operation?.phase = .booting
            machine.operation?.attempts = 0
            machine.operation?.deadline = now.advanced(by: self.limits.boot)
            machine.statusMessage = "Booting the ephemeral OS"
            return [event(machine, .lifecycle, "Booting", "told to boot from the network", now)]
        }
    }

    /// The machine is off (or nobody can say): the operation is over.
    func finishPowerOff(_ machine: inout Machine, now: Timestamp) -> [Event] {
        guard let operation = machine.operation else { return [] }
        machine.operation = nil
        guard operation.failure == nil else { return [] }
        machine.statusMessage = ""
        switch (operation.kind, machine.status) {
        case (.commission, .commissioning), (.commission, .testing): return self.move(&machine, to: .ready, now: now)
        case (.release, .releasing), (.erase, .diskErasing):
            self.disown(&machine)
            return self.move(&machine, to: machine.cpuCount > 0 || machine.status == .diskErasing ? .ready : .new, now: now)
        default: return []
        }
    }

    func powerFailed(_ machine: inout Machine, _ message: String, transient: Bool, now: Timestamp) -> [Event] {
        machine.powerState = .error
        machine.powerStateUpdated = now
        guard var operation = machine.operation, operation.phase == .power || operation.phase == .poweringOff else {
            return [event(machine, .power, "Power check failed", message, now, level: .warning)]
        }
        let waits = self.limits.powerBackoffSeconds
        if transient, operation.attempts < waits.count {
            operation.notBefore = now.advanced(by: .seconds(waits[operation.attempts]))
            operation.attempts += 1
            machine.operation = operation
            let text = "\(operation.powerAction.rawValue): \(message); trying again in \(waits[operation.attempts - 1]) s"
            return [event(machine, .power, "Power action failed", text, now, level: .warning)]
        }
        let text = "power \(operation.powerAction.rawValue) failed: \(message)"
        let report = event(machine, .power, "Power action failed", text, now, level: .error)
        return [report] + self.endAfterPowerFailure(&machine, operation, text, now: now)
    }

    private func endAfterPowerFailure(
        _ machine: inout Machine, _ operation: MachineOperation, _ text: String, now: Timestamp
    ) -> [Event] {
        machine.operation = nil
        if operation.failure != nil { return [] }
        machine.errorDescription = text
        machine.statusMessage = text
        let next: NodeStatus? =
            switch machine.status {
            case .commissioning: .failedCommissioning
            case .testing: .failedTesting
            case .deploying: .failedDeployment
            case .releasing: .releasingFailed
            case .diskErasing: .failedDiskErasing
            default: nil
            }
        return next.map { self.move(&machine, to: $0, now: now) } ?? []
    }
}
