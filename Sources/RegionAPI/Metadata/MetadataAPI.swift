// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import HTTPForms
internal import Lifecycle
internal import Logging
internal import PostgresStorage

/// `/MAAS/metadata/`: what machines ask and report.
struct MetadataAPI: Sendable {
    typealias Authenticate = (APIRequest) async throws -> Caller
    typealias ReadBody = (Int) async throws -> [UInt8]

    private static let versions = ["latest", "2012-03-01"]
    let region: RegionContext

    /// - Parameter segments: those after `metadata`.
    func respond(
        to request: APIRequest, _ segments: ArraySlice<String>, authenticate: Authenticate, readBody: ReadBody
    ) async throws -> APIResponse {
        var segments = segments
        switch segments.first {
        case nil: return Self.lines(Self.versions)
        case "status":
            guard request.method == "POST" else { throw Self.methodNotAllowed("POST") }
            return try await self.status(request, Array(segments.dropFirst()), authenticate: authenticate, readBody: readBody)
        case "curtin": segments.removeFirst()
        case "enlist", "poweroff":
            let work = segments.removeFirst()
            guard let version = segments.popFirst(), Self.versions.contains(version) else { return Self.lines(Self.versions) }
            return try AnonymousMetadata.respond(to: request, Array(segments), work: work)
        default: break
        }
        guard let version = segments.popFirst() else { return Self.lines(Self.versions) }
        guard Self.versions.contains(version) else { throw APIFailure.notFound("There is no version '\(version.prefix(40))' of the metadata.") }
        return try await self.versioned(request, Array(segments), authenticate: authenticate, readBody: readBody)
    }

    private func versioned(
        _ request: APIRequest, _ path: [String], authenticate: Authenticate, readBody: ReadBody
    ) async throws -> APIResponse {
        switch path.first {
        case "by-id": return try await self.byID(request, path, readBody: readBody)
        case "enlist-preseed":
            guard request.method == "GET", request.query.text("op") == "get_enlist_preseed" else {
                throw APIFailure.badRequest(Self.unrecognised(request))
            }
            return .text(Preseed.enlistment(baseURL: request.baseURL))
        case nil where request.method == "POST":
            return try await self.report(request, authenticate: authenticate, readBody: readBody)
        default: break
        }
        guard request.method == "GET" || request.method == "HEAD" else { throw Self.methodNotAllowed("GET") }
        let id = try await self.machine(request, authenticate)
        switch path {
        case []: return Self.lines(["meta-data/", "user-data", "maas-scripts", "maas-commissioning-scripts"])
        case ["meta-data"]: return Self.lines(["instance-id", "local-hostname", "public-keys", "vendor-data"])
        case ["meta-data", "instance-id"]: return .text(id.description)
        case ["meta-data", "local-hostname"]: return .text("\(try await self.load(id).hostname).maas")
        case ["meta-data", "public-keys"]: return try await self.publicKeys(of: id)
        case ["meta-data", "vendor-data"]:
            return APIResponse(contentType: "text/yaml; charset=utf-8", body: Array("cloud-init: \"#cloud-config\\n{}\\n\"\n".utf8))
        case ["user-data"]: return try await UserDataRequest(region: self.region).respond(to: request, machine: id)
        case ["maas-scripts"], ["maas-commissioning-scripts"]: return try await self.scripts(of: id)
        case ["gantry", "plan"]: return try await PlanRequest(region: self.region).respond(to: request, machine: id)
        default: throw APIFailure.notFound("There is no metadata '\(path.joined(separator: "/").prefix(80))'.")
        }
    }

    // MARK: credentials

    /// The machine whose key signed the request.
    private func machine(_ request: APIRequest, _ authenticate: Authenticate) async throws -> SystemID {
        guard case .machine(let id) = try await authenticate(request) else {
            throw APIFailure.unauthorized("The metadata service needs a machine's own key.")
        }
        return id
    }

    private func load(_ id: SystemID) async throws -> Machine {
        guard let machine = try await self.region.store.read({ try await $0.machine(id) }) else {
            throw APIFailure.notFound("There is no machine '\(id)'.")
        }
        return machine
    }

    // MARK: reports

    /// `POST /VERSION/?op=…`.
    private func report(_ request: APIRequest, authenticate: Authenticate, readBody: ReadBody) async throws -> APIResponse {
        // The key is checked before a body is read that may be long.
        var request = request
        let isSigned = request.headers["authorization"] != nil
        var id: SystemID?
        if isSigned { id = try await self.machine(request, authenticate) }
        request.body = try await readBody(isSigned ? self.region.limits.maximumResultBytes : self.region.limits.maximumBodyBytes)
        request.form = try Form(contentType: request.contentType, body: request.body, limits: self.region.limits.form)
        let machine: SystemID
        if let id { machine = id } else { machine = try await self.machine(request, authenticate) }
        let now = self.region.clock()
        switch request.query.text("op") ?? request.form.text("op") {
        case "signal": return try await SignalReport(region: self.region, now: now).receive(request.form, from: machine)
        case "netboot_off":
            try await self.observe(.netbootOff, of: machine, now: now)
            return .ok
        case "netboot_on":
            try await self.region.store.transaction { transaction in
                guard var machine = try await transaction.lockMachine(machine), machine.status == .deploying else { return }
                machine.netboot = true
                try await transaction.update(machine)
            }
            return .ok
        default: throw APIFailure.badRequest(Self.unrecognised(request))
        }
    }

    private func observe(_ observation: MachineObservation, of id: SystemID, now: Timestamp) async throws {
        try await self.region.store.transaction { transaction in
            guard var machine = try await transaction.lockMachine(id) else { throw APIFailure.notFound("There is no machine '\(id)'.") }
            let events = self.region.lifecycle.observe(observation, of: &machine, now: now)
            try await transaction.update(machine)
            try await transaction.append(events)
        }
    }

    /// `POST /status/SYSTEM_ID`: the webhook of cloud-init, curtin and the agent.
    private func status(
        _ request: APIRequest, _ path: [String], authenticate: Authenticate, readBody: ReadBody
    ) async throws -> APIResponse {
        let id = try await self.machine(request, authenticate)
        guard path.count == 1, path[0] == id.description else { throw APIFailure.forbidden("This key is another machine's.") }
        let body = try await readBody(self.region.limits.maximumResultBytes)
        let message = try StatusMessage(parsing: body)
        try await StatusReport(region: self.region, now: self.region.clock()).receive(message, from: id)
        return .noContent
    }

    // MARK: by-id

    private func byID(_ request: APIRequest, _ path: [String], readBody: ReadBody) async throws -> APIResponse {
        guard path.count == 2, let id = SystemID(path[1]) else {
            throw APIFailure.notFound("There is no machine '\(path.dropFirst().joined(separator: "/").prefix(80))'.")
        }
        var request = request
        if request.method == "POST" {
            request.body = try await readBody(65536)
            request.form = try Form(contentType: request.contentType, body: request.body, limits: self.region.limits.form)
        }
        switch (request.method, request.query.text("op") ?? request.form.text("op")) {
        case ("GET", "get_preseed"): return try await PreseedRequest(region: self.region).respond(to: request, machine: id)
        case ("POST", "netboot_off"):
            let now = self.region.clock()
            try await self.region.store.transaction { transaction in
                guard var machine = try await transaction.lockMachine(id) else { throw APIFailure.notFound("There is no machine '\(id)'.") }
                try await PreseedRequest(region: self.region).check(request, comesFrom: machine, in: transaction, now: now)
                let events = self.region.lifecycle.observe(.netbootOff, of: &machine, now: now)
                try await transaction.update(machine)
                try await transaction.append(events)
            }
            return .ok
        default: throw APIFailure.badRequest(Self.unrecognised(request))
        }
    }

    // MARK: items

    /// The owner's keys; for a machine without an owner that is to be looked into, the administrators'.
    private func publicKeys(of id: SystemID) async throws -> APIResponse {
        let keys = try await self.region.store.read { transaction -> [SSHKey] in
            guard let machine = try await transaction.machine(id) else { throw APIFailure.notFound("There is no machine '\(id)'.") }
            if let owner = machine.owner { return try await transaction.sshKeys(of: owner) }
            guard machine.operation?.options["enable_ssh"] == "true" else { return [] }
            var keys: [SSHKey] = []
            for user in try await transaction.users() where user.isSuperuser { keys += try await transaction.sshKeys(of: user.username) }
            return keys
        }
        return .text(keys.map { $0.key + "\n" }.joined())
    }

    private func scripts(of id: SystemID) async throws -> APIResponse {
        let set = try await self.region.store.read { transaction -> (ScriptResultSet, [String: String])? in
            guard let machine = try await transaction.machine(id), machine.status == .commissioning, let setID = machine.commissioningResultID,
                let set = try await transaction.resultSet(setID, withOutput: false)
            else { return nil }
            return (set, machine.operation?.options ?? [:])
        }
        guard let (set, options) = set else { return .noContent }
        return .bytes(ScriptArchive.make(for: set, options: options), contentType: "application/x-tar")
    }

    static func lines(_ lines: [String]) -> APIResponse {
        .text(lines.joined(separator: "\n"))
    }

    static func unrecognised(_ request: APIRequest) -> String {
        "Unrecognised signature: method=\(request.method) op=\((request.query.text("op") ?? request.form.text("op") ?? "None").prefix(80))"
    }

    static func methodNotAllowed(_ allowed: String) -> APIFailure {
        APIFailure(status: 405, content: .text("Method Not Allowed: expected \(allowed)."), headers: [("Allow", allowed)])
    }
}
