// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import HTTPForms
internal import JSON
internal import Lifecycle
internal import PostgresStorage

/// `status/SYSTEM_ID`: the steps of an installation or erasure, and what cloud-init says.
struct StatusReport: Sendable {
    /// Between two notes of a machine's being alive that cause nothing else: cloud-init alone posts 130 messages a boot.
    private static let contactInterval = Duration.seconds(30)
    /// Bytes of an installation's log that are kept: its end.
    private static let maximumLog = 1 << 20
    /// Bytes of a failed step's output in the timeline.
    private static let maximumExcerpt = 2000

    let region: RegionContext
    let now: Timestamp

    func receive(_ message: StatusMessage, from id: SystemID) async throws {
        switch message.origin {
        case "cloudinit": try await self.cloudInit(message, from: id)
        default: try await self.step(message, of: id)
        }
    }

    // MARK: cloud-init

    /// Only what an operator has to know: failures, and the end.
    private func cloudInit(_ message: StatusMessage, from id: SystemID) async throws {
        let isEnd = message.name == "modules-final" && message.event == .finish
        let isBad = message.event == .finish && (message.isFailure || message.result == "WARN")
        try await self.region.store.transaction { transaction in
            guard isEnd || isBad else {
                try await self.noteContact(id, in: transaction)
                return
            }
            guard let machine = try await transaction.machine(id) else { return }
            try await transaction.append([
                Event(
                    machineID: id, hostname: machine.hostname, level: isBad ? .warning : .info, source: .metadata,
                    type: "cloud-init \(message.name)", description: message.description + (message.result.isEmpty ? "" : " (\(message.result))"),
                    occurred: self.now
                )
            ])
        }
    }

    private func noteContact(_ id: SystemID, in transaction: StoreTransaction) async throws {
        guard let seen = try await transaction.machine(id), self.isContactWorthNoting(seen), var machine = try await transaction.lockMachine(id)
        else { return }
        let events = self.region.lifecycle.observe(.contact, of: &machine, now: self.now)
        try await transaction.update(machine)
        try await transaction.append(events)
    }

    private func isContactWorthNoting(_ machine: Machine) -> Bool {
        guard let last = machine.lastContact else { return true }
        return machine.operation?.phase == .booting || self.now.since(last) >= Self.contactInterval
    }

    // MARK: steps

    private func step(_ message: StatusMessage, of id: SystemID) async throws {
        try await self.region.store.transaction { transaction in
            guard var machine = try await transaction.lockMachine(id) else { return }
            guard machine.status == .deploying || machine.status == .diskErasing, machine.operation != nil else { return }
            var events: [Event] = []
            switch message.event {
            case .progress:
                machine.statusMessage = message.description
                events += self.region.lifecycle.observe(.contact, of: &machine, now: self.now)
            case .start: events += self.observe(.started, message, &machine)
            case .finish where message.isFailure: events += self.observe(.failed(output: Self.excerpt(of: message)), message, &machine)
            case .finish: events += self.observe(.succeeded, message, &machine)
            }
            try await self.storeCertificates(message, machine, in: transaction)
            try await self.log(message, machine, in: transaction)
            try await transaction.update(machine)
            try await transaction.append(events)
        }
    }

    private func observe(_ result: MachineObservation.StepResult, _ message: StatusMessage, _ machine: inout Machine) -> [Event] {
        let observation = MachineObservation.installationStep(name: message.name, description: message.description, result: result)
        return self.region.lifecycle.observe(observation, of: &machine, now: self.now)
    }

    /// The end of the first file that is no certificate.
    private static func excerpt(of message: StatusMessage) -> String {
        guard let file = message.files.first(where: { $0.path != Self.certificatePath }) else { return "" }
        return String(outside: file.content.suffix(Self.maximumExcerpt))
    }

    // MARK: certificates

    private static let certificatePath = "erase-result"

    private func storeCertificates(_ message: StatusMessage, _ machine: Machine, in transaction: StoreTransaction) async throws {
        let files = message.files.filter { $0.path == Self.certificatePath }
        guard !files.isEmpty, machine.status == .diskErasing, let operation = machine.operation else { return }
        var known = try await transaction.eraseCertificates(of: machine.id)
        for file in files {
            guard let result = try? JSONValue(parsing: file.content), result["verified"]?.boolValue == true,
                let disk = result["disk"]?.stringValue, let method = result["method"]?.stringValue,
                let verifiedBytes = result["bytes_verified"]?.intValue, verifiedBytes > 0
            else { continue }
            // A report whose answer got lost comes again.
            guard !known.contains(where: { $0.generation == operation.generation && $0.disk == disk }) else { continue }
            let certificate = EraseCertificate(
                id: 0, machineID: machine.id, generation: operation.generation, disk: disk, serial: result["serial"]?.stringValue ?? "",
                model: result["model"]?.stringValue ?? "", sizeBytes: max(0, result["size_bytes"]?.intValue ?? 0), method: method,
                verifiedBytes: verifiedBytes, verified: true, durationSeconds: max(0, result["duration"]?.doubleValue ?? 0), created: self.now
            )
            known.append(try await transaction.insert(certificate))
        }
    }

    // MARK: the installation's log

    private func log(_ message: StatusMessage, _ machine: Machine, in transaction: StoreTransaction) async throws {
        guard machine.status == .deploying, let setID = machine.installationResultID, let set = try await transaction.resultSet(setID),
            var result = set.results.first(where: { $0.name == InstallationResult.name })
        else { return }
        if message.event == .progress { return }
        result.started = result.started ?? self.now
        if !result.status.isFinal { result.status = .running }
        var text = "\(message.event.rawValue) \(message.name): \(message.description)\n"
        for file in message.files { text += String(decoding: file.content, as: UTF8.self) + "\n" }
        result.output = Array((result.output + Array(text.utf8)).suffix(Self.maximumLog))
        if message.event == .finish, message.name == "cmd-install" || message.isFailure {
            result.status = message.isFailure ? .failed : .passed
            result.exitStatus = message.isFailure ? 1 : 0
            result.ended = self.now
        }
        try await transaction.updateResult(result)
        try await transaction.touchResultSet(setID, now: self.now)
    }
}
