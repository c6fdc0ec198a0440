// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

extension LifecycleRules {
    /// Takes in what was seen of a machine. Observations may come twice, late or out of order: what no longer fits changes nothing.
    ///
    /// - Returns: the events to store with the machine.
    public func observe(_ observation: MachineObservation, of machine: inout Machine, now: Timestamp) -> [Event] {
        switch observation {
        case .contact:
            self.contact(&machine, now: now)
            return []
        case .bootRequested:
            if machine.operation?.phase == .booting { machine.operation?.deadline = now.advanced(by: self.limits.boot) }
            return []
        case .scriptsStarted(let kind):
            self.contact(&machine, now: now)
            machine.statusMessage = "Running \(kind.name.lowercased()) scripts"
            return [event(machine, .script, "Running scripts", "\(kind.name.lowercased()) scripts have started", now)]
        case .scriptsFinished(let kind, let failed, let error): return self.scriptsFinished(&machine, kind, failed, error, now: now)
        case .inventory(let inventory):
            machine.take(inventory)
            return [event(machine, .script, "Inventory", inventory.summary, now)]
        case .netbootOff: return self.netbootOff(&machine, now: now)
        case .userDataFetched: return self.userDataFetched(&machine, now: now)
        case .installationStep(let name, let description, let result):
            self.contact(&machine, now: now)
            return [self.step(&machine, name, description, result, now: now)]
        case .workFailed(let message): return self.fail(&machine, message, now: now)
        case .eraseFinished(let failed):
            guard machine.status == .diskErasing, machine.operation?.kind == .erase else { return [] }
            if !failed.isEmpty { return self.fail(&machine, "not erased: \(failed.sorted().joined(separator: ", "))", now: now) }
            self.powerOff(&machine, now: now)
            return [event(machine, .installation, "Disks erased", "every disk was erased and read back", now)]
        case .power(let state): return self.powerObserved(&machine, state, now: now)
        case .powerFailed(let message, let transient): return self.powerFailed(&machine, message, transient: transient, now: now)
        case .expired: return self.expired(&machine, now: now)
        }
    }

    private func contact(_ machine: inout Machine, now: Timestamp) {
        machine.lastContact = now
        switch machine.operation?.phase {
        case .booting, .running:
            machine.operation?.phase = .running
            machine.operation?.deadline = now.advanced(by: self.limits.silence)
        case .power, .rebooting, .poweringOff, nil: break
        }
    }

    private func scriptsFinished(
        _ machine: inout Machine, _ kind: ScriptResultSet.Kind, _ failed: [String], _ error: String, now: Timestamp
    ) -> [Event] {
        guard machine.status == .commissioning || machine.status == .testing, let operation = machine.operation,
            operation.phase == .running || operation.phase == .booting
        else { return [] }
        if !failed.isEmpty || !error.isEmpty {
            let reason = failed.isEmpty ? error : "failed: \(failed.sorted().joined(separator: ", "))"
            return self.fail(&machine, "\(kind.name) \(reason)", now: now)
        }
        self.powerOff(&machine, now: now)
        machine.statusMessage = "Switching off"
        return [event(machine, .script, "Scripts passed", "all \(kind.name.lowercased()) scripts have passed", now)]
    }

    private func netbootOff(_ machine: inout Machine, now: Timestamp) -> [Event] {
        guard machine.status == .deploying, machine.netboot, machine.operation?.kind == .deploy else { return [] }
        machine.netboot = false
        machine.operation?.phase = .rebooting
        machine.operation?.deadline = now.advanced(by: self.limits.reboot)
        machine.statusMessage = "Rebooting"
        return [event(machine, .installation, "Rebooting", "installed; the next boot is from disk", now)]
    }

    private func userDataFetched(_ machine: inout Machine, now: Timestamp) -> [Event] {
        guard machine.status == .deploying, !machine.netboot else { return [] }
        machine.operation = nil
        machine.lastContact = now
        machine.powerState = .on
        machine.powerStateUpdated = now
        machine.statusMessage = "Deployed"
        return self.move(&machine, to: .deployed, now: now)
    }

    private func step(
        _ machine: inout Machine, _ name: String, _ description: String, _ result: MachineObservation.StepResult, now: Timestamp
    ) -> Event {
        switch result {
        case .started:
            machine.statusMessage = description
            return event(machine, .installation, "Started \(name)", description, now)
        case .succeeded: return event(machine, .installation, "Finished \(name)", description, now)
        case .failed(let output):
            return event(machine, .installation, "Failed \(name)", output.isEmpty ? description : "\(description): \(output)", now, level: .error)
        }
    }

    /// Ends the operation's work as failed; the machine is switched off.
    private func fail(_ machine: inout Machine, _ message: String, now: Timestamp) -> [Event] {
        guard let operation = machine.operation, operation.phase != .poweringOff else { return [] }
        let next: NodeStatus
        switch machine.status {
        case .commissioning: next = .failedCommissioning
        case .testing: next = .failedTesting
        case .deploying: next = .failedDeployment
        case .diskErasing: next = .failedDiskErasing
        case .releasing: next = .releasingFailed
        default:
            machine.operation = nil
            return [event(machine, .power, "Failed", message, now, level: .error)]
        }
        machine.errorDescription = message
        machine.statusMessage = message
        machine.netboot = true
        self.powerOff(&machine, failure: message, now: now)
        return self.move(&machine, to: next, now: now)
    }

    private func expired(_ machine: inout Machine, now: Timestamp) -> [Event] {
        guard let operation = machine.operation, now >= operation.deadline else { return [] }
        let what: String
        switch operation.phase {
        case .power: what = "its BMC did not do what it was told (\(operation.powerAction.rawValue))"
        case .booting: what = "it was switched on but did not boot the ephemeral OS; see its boot timeline"
        case .running: what = "the ephemeral OS has fallen silent"
        case .rebooting: what = "the installed system did not report after the restart"
        case .poweringOff: return self.finishPowerOff(&machine, now: now)
        }
        return self.fail(&machine, "gave up waiting: \(what)", now: now)
    }
}
