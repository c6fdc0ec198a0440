// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import HTTPForms
internal import Inventory
internal import Lifecycle
internal import PostgresStorage

/// `op=signal`: how the scripts on a machine get on.
struct SignalReport: Sendable {
    private enum Status: String {
        case ok = "OK"
        case failed = "FAILED"
        case working = "WORKING"
        case commissioning = "COMMISSIONING"
        case testing = "TESTING"
        case timedOut = "TIMEDOUT"
        case installing = "INSTALLING"
        case applyingNetworking = "APPLYING_NETCONF"
        case releasing = "RELEASING"
        case deploying = "DEPLOYING"
    }

    private static let inventoryScripts = ["20-maas-03-machine-resources", "50-maas-01-commissioning"]
    /// Bytes of a message for people.
    private static let maximumMessage = 4096

    let region: RegionContext
    let now: Timestamp

    func receive(_ form: Form, from id: SystemID) async throws -> APIResponse {
        guard let text = form.text("status") else { throw APIFailure.field("status", "This field is required.") }
        guard let status = Status(rawValue: text.uppercased()) else {
            throw APIFailure.badRequest("Unknown commissioning status: '\(text.prefix(40))'.")
        }
        try await self.region.store.transaction { transaction in
            guard var machine = try await transaction.lockMachine(id) else { throw APIFailure.notFound("There is no machine '\(id)'.") }
            guard let operation = machine.operation, operation.kind != .power, operation.kind != .release else {
                throw APIFailure.conflict("\(id) is \(machine.status.name): this work has ended.")
            }
            var events: [Event] = []
            if form.text("script_result_id") != nil {
                events += try await self.scriptReport(status, form, &machine, in: transaction)
            } else {
                events += try await self.wholeReport(status, form, &machine, in: transaction)
            }
            try await transaction.update(machine)
            try await transaction.append(events)
        }
        return .ok
    }

    private func observe(_ observation: MachineObservation, _ machine: inout Machine) -> [Event] {
        self.region.lifecycle.observe(observation, of: &machine, now: self.now)
    }

    // MARK: the work as a whole

    private func wholeReport(_ status: Status, _ form: Form, _ machine: inout Machine, in transaction: StoreTransaction) async throws -> [Event] {
        let message = String((form.text("error") ?? "").prefix(Self.maximumMessage))
        if machine.operation?.phase == .poweringOff { return [] }  // a repeated report of what is known
        switch (status, machine.status) {
        case (.ok, .commissioning), (.ok, .testing), (.failed, .commissioning), (.failed, .testing):
            return try await self.scriptsFinished(isFailure: status == .failed, message, &machine, in: transaction)
        case (.ok, .diskErasing): return self.observe(.eraseFinished(failed: []), &machine)
        case (.failed, _): return self.observe(.workFailed(message: message.isEmpty ? "the machine reported a failure" : message), &machine)
        case (.testing, .commissioning): return self.observe(.scriptsStarted(kind: .testing), &machine)
        default:
            if !message.isEmpty { machine.statusMessage = message }
            for id in [machine.commissioningResultID].compactMap(\.self) where machine.status == .commissioning || machine.status == .testing {
                try await transaction.touchResultSet(id, now: self.now)
            }
            return self.observe(.contact, &machine)
        }
    }

    private func scriptsFinished(
        isFailure: Bool, _ message: String, _ machine: inout Machine, in transaction: StoreTransaction
    ) async throws -> [Event] {
        var failed: [String] = []
        if let id = machine.commissioningResultID, let set = try await transaction.resultSet(id, withOutput: false) {
            try await transaction.touchResultSet(id, now: self.now)
            failed = set.results.filter { $0.status.isFinal && !$0.status.isSuccess }.map(\.name)
        }
        let error: String
        if isFailure {
            error = message.isEmpty ? "the machine reported a failure" : message
        } else {
            error = machine.cpuCount == 0 ? "scripts left no inventory" : ""
        }
        let kind: ScriptResultSet.Kind = machine.status == .testing ? .testing : .commissioning
        return self.observe(.scriptsFinished(kind: kind, failed: failed, error: error), &machine)
    }

    // MARK: one script

    private func scriptReport(_ status: Status, _ form: Form, _ machine: inout Machine, in transaction: StoreTransaction) async throws -> [Event] {
        let text = form.text("script_result_id") ?? ""
        guard let id = Int(text), let (owner, setID, stored) = try await transaction.result(id), owner == machine.id else {
            throw APIFailure.badRequest("There is no script result '\(text.prefix(40))' of \(machine.id).")
        }
        var result = stored
        var events: [Event] = []
        let isFirst = try await transaction.resultSet(setID, withOutput: false).map { $0.status == .pending } ?? false
        if isFirst { events += self.observe(.scriptsStarted(kind: .commissioning), &machine) } else { events += self.observe(.contact, &machine) }
        try await transaction.touchResultSet(setID, now: self.now)
        if let message = form.text("error") { machine.statusMessage = String(message.prefix(Self.maximumMessage)) }
        guard let exitText = form.text("exit_status") else {
            result.started = result.started ?? self.now
            result.status = Self.unfinished(status)
            try await transaction.updateResult(result)
            return events
        }
        guard let exitStatus = Int(exitText), (-255...255).contains(exitStatus) else {
            throw APIFailure.badRequest("'\(exitText.prefix(40))' is no exit status.")
        }
        result.exitStatus = exitStatus
        result.started = result.started ?? self.now
        result.ended = self.now
        result.status = status == .timedOut ? .timedOut : exitStatus == 0 ? .passed : .failed
        Self.takeOutput(form, into: &result)
        if result.status == .passed { events += try await self.process(form, &result, &machine, in: transaction) }
        try await transaction.updateResult(result)
        let text2 = "\(result.name) changed status from '\(stored.status.name)' to '\(result.status.name)'"
        events.append(self.event(machine, "Script result", text2, level: result.status.isSuccess ? .info : .error))
        return events
    }

    private static func unfinished(_ status: Status) -> ScriptStatus {
        switch status {
        case .installing: .installing
        case .applyingNetworking: .applyingNetworking
        default: .running
        }
    }

    /// The files are named after the script: NAME, NAME.out, NAME.err, NAME.yaml.
    private static func takeOutput(_ form: Form, into result: inout ScriptResult) {
        for file in form.files {
            switch file.filename ?? file.name {
            case result.name: result.output = file.value
            case "\(result.name).out": result.stdout = file.value
            case "\(result.name).err": result.stderr = file.value
            case "\(result.name).yaml": result.result = file.value
            default: break
            }
        }
        if result.output.isEmpty { result.output = result.stdout + result.stderr }
    }

    /// What a script that passed tells about the machine.
    private func process(
        _ form: Form, _ result: inout ScriptResult, _ machine: inout Machine, in transaction: StoreTransaction
    ) async throws -> [Event] {
        if result.name == ScriptArchive.bmcScript { return try await self.takePower(form, &result, &machine, in: transaction) }
        guard Self.inventoryScripts.contains(result.name) else { return [] }
        let inventory: MachineInventory
        do {
            inventory = try InventoryReader.read(result.stdout.isEmpty ? result.output : result.stdout)
        } catch {
            // The second of the two scripts may print something else; the first one is the inventory.
            guard result.name == Self.inventoryScripts[0] else { return [] }
            result.status = .failed
            result.stderr += Array("\n\(error)\n".utf8)
            return [self.event(machine, "Inventory", "\(result.name) printed what is no inventory: \(error)", level: .error)]
        }
        let known = machine
        let events = self.observe(.inventory(inventory), &machine)
        if machine.operation?.options["skip_networking"] == "true" { machine.interfaces = known.interfaces }
        if machine.operation?.options["skip_storage"] == "true" { machine.blockDevices = known.blockDevices }
        try await InterfacePlacement.place(&machine, in: transaction)
        return events
    }

    /// The BMC that the machine found in itself; its password stays sealed.
    private func takePower(
        _ form: Form, _ result: inout ScriptResult, _ machine: inout Machine, in transaction: StoreTransaction
    ) async throws -> [Event] {
        guard form.text("power_type") != nil, machine.operation?.options["skip_bmc_config"] != "true" else { return [] }
        let current = try await transaction.power(of: machine.id)
        do {
            guard let power = try PowerFields.read(form, current: current) else { return [] }
            try await transaction.setPower(power, of: machine.id)
            machine.powerType = power.type
            let address = power.parameters["power_address"].map { " at \($0)" } ?? ""
            return [self.event(machine, "BMC configured", "power type \(power.type.rawValue)\(address)", level: .info)]
        } catch let failure as APIFailure {
            result.status = .failed
            return [self.event(machine, "BMC configured", "what it found can't be used: \(failure)", level: .error)]
        }
    }

    private func event(_ machine: Machine, _ type: String, _ description: String, level: EventLevel) -> Event {
        Event(
            machineID: machine.id, hostname: machine.hostname, level: level, source: .script, type: type, description: description, occurred: self.now
        )
    }
}
