// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

extension LifecycleRules {
    /// Carries out a user's request on a machine: its state, its operation and its generation change.
    ///
    /// - Returns: the events to store with the machine.
    /// - Throws: `LifecycleRefusal` when the machine's state does not allow it; the machine is then as it was.
    public func apply(
        _ request: MachineRequest, to machine: inout Machine, by user: String, now: Timestamp
    ) throws(LifecycleRefusal) -> [Event] {
        try self.checkLock(machine, request)
        let before = machine.status
        var events: [Event] = []
        switch request {
        case .commission(let options):
            try self.require(machine, in: [.new, .failedCommissioning, .ready, .broken, .failedTesting], to: "commission")
            self.begin(.commission, on: &machine, status: .commissioning, options: options, now: now)
        case .allocate(let owner, let agentName):
            try self.require(machine, in: [.ready], to: "allocate")
            events += self.move(&machine, to: .allocated, now: now)
            machine.owner = owner
            machine.agentName = agentName
        case .deploy(let owner, let osystem, let distroSeries, let options):
            try self.require(machine, in: [.ready, .allocated, .failedDeployment], to: "deploy")
            if machine.status == .ready { events += self.move(&machine, to: .allocated, now: now) }
            machine.owner = owner
            machine.osystem = osystem
            machine.distroSeries = distroSeries
            machine.netboot = true
            self.begin(.deploy, on: &machine, status: .deploying, options: options, now: now)
            machine.previousStatus = .allocated
        case .release(let erase, let options): try self.release(&machine, erase: erase, options: options, now: now)
        case .abort: events += try self.abort(&machine, now: now)
        case .power(let action): try self.power(&machine, action, now: now)
        case .markBroken(let comment):
            guard StatusTransitions.allows(machine.status, to: .broken) else { throw self.refusal(machine, to: "mark broken") }
            machine.operation = nil
            machine.errorDescription = comment
            events += self.move(&machine, to: .broken, now: now)
        case .markFixed:
            try self.require(machine, in: [.broken], to: "mark fixed")
            machine.errorDescription = ""
            self.disown(&machine)
            events += self.move(&machine, to: machine.cpuCount > 0 ? .ready : .new, now: now)
        case .lock:
            try self.require(machine, in: [.deployed, .deploying], to: "lock")
            machine.locked = true
        case .unlock: machine.locked = false
        }
        events = events.map {
            var event = $0; event.user = user; return event
        }
        if machine.status != before, events.isEmpty { events.append(self.statusEvent(machine, from: before, now: now)) }
        return [event(machine, .lifecycle, "Request", "\(user) asked to \(request.title)", now, user: user)] + events
    }

    private func checkLock(_ machine: Machine, _ request: MachineRequest) throws(LifecycleRefusal) {
        guard machine.locked, request != .unlock, request != .lock else { return }
        throw LifecycleRefusal(code: .locked, message: "\(machine.hostname) is locked; unlock it first.")
    }

    private func require(_ machine: Machine, in states: [NodeStatus], to verb: String) throws(LifecycleRefusal) {
        guard states.contains(machine.status) else { throw self.refusal(machine, to: verb) }
        guard machine.operation == nil || machine.operation?.kind == .power else {
            throw LifecycleRefusal(code: .busy, message: "\(machine.hostname) is being switched off after its last work; try again in a minute.")
        }
    }

    private func refusal(_ machine: Machine, to verb: String) -> LifecycleRefusal {
        LifecycleRefusal(
            code: .wrongStatus,
            message: "Cannot \(verb) machine \(machine.hostname) (\(machine.id)): it is in state '\(machine.status.name)'."
        )
    }

    private func release(
        _ machine: inout Machine, erase: EraseMode?, options: [String: String], now: Timestamp
    ) throws(LifecycleRefusal) {
        let states: [NodeStatus] = [
            .allocated, .deployed, .deploying, .failedDeployment, .releasingFailed, .failedDiskErasing, .reserved, .broken,
        ]
        guard states.contains(machine.status) else { throw self.refusal(machine, to: "release") }
        var options = options
        if let erase {
            options["erase"] = erase.rawValue
            self.begin(.erase, on: &machine, status: .diskErasing, options: options, now: now)
        } else {
            self.begin(.release, on: &machine, status: .releasing, options: options, now: now)
        }
    }

    private func abort(_ machine: inout Machine, now: Timestamp) throws(LifecycleRefusal) -> [Event] {
        let next: NodeStatus
        switch machine.status {
        case .commissioning, .testing:
            next = StatusTransitions.allows(machine.status, to: machine.previousStatus) ? machine.previousStatus : .new
        case .deploying: next = .allocated
        case .diskErasing: next = .failedDiskErasing
        default: throw self.refusal(machine, to: "abort")
        }
        let events = self.move(&machine, to: next, now: now)
        machine.generation += 1
        machine.netboot = true
        machine.operation = MachineOperation(
            generation: machine.generation, kind: .power, phase: .power, powerAction: .off, bootDevice: nil, startedAt: now,
            deadline: now.advanced(by: self.limits.power), options: [:]
        )
        return events
    }

    private func power(_ machine: inout Machine, _ action: PowerAction, now: Timestamp) throws(LifecycleRefusal) {
        guard machine.powerType != .manual else {
            throw LifecycleRefusal(
                code: .noPowerControl,
                message: "\(machine.hostname) has power type 'manual': press its button, or set its power type."
            )
        }
        guard machine.operation == nil || machine.operation?.kind == .power else {
            throw LifecycleRefusal(code: .busy, message: "\(machine.hostname) is \(machine.status.name.lowercased()); abort that first.")
        }
        machine.generation += 1
        machine.operation = MachineOperation(
            generation: machine.generation, kind: .power, phase: .power, powerAction: action, bootDevice: nil, startedAt: now,
            deadline: now.advanced(by: self.limits.power), options: [:]
        )
    }
}

extension MachineRequest {
    /// The request in words.
    var title: String {
        switch self {
        case .commission: "commission"
        case .allocate: "allocate"
        case .deploy(_, let osystem, let series, _): "deploy \(osystem)/\(series)"
        case .release(let erase, _): erase.map { "release with \($0.rawValue) erase" } ?? "release"
        case .abort: "abort"
        case .power(let action): "power \(action.rawValue)"
        case .markBroken: "mark broken"
        case .markFixed: "mark fixed"
        case .lock: "lock"
        case .unlock: "unlock"
        }
    }
}
