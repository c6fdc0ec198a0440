// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import Placement
internal import PostgresStorage

/// The filters of lists of nodes, and the operations that every such list has.
enum NodeFilter {
    static let parameters: [Parameter] = [
        .optional("hostname", "Host names; repeat the parameter."), .optional("id", "System ids; repeat the parameter."),
        .optional("mac_address", "MAC addresses; repeat the parameter."), .optional("domain", "Domain names."),
        .optional("zone", "Zone names."), .optional("pool", "Pool names."), .optional("agent_name", "The agent name of the allocation."),
        .optional("status", "States, such as ready or 4."), .optional("tags", "Tags, all of which a machine has to have."),
        .optional("not_tags", "Tags that it may not have."), .optional("arch", "Architectures."),
        .optional("cpu_count", "At least so many cores.", kind: "Integer"),
        .optional("mem", "At least so many MiB of memory.", kind: "Integer"), .optional("owner", "User names."),
        .optional("limit", "At most so many (Gantry's own).", kind: "Integer"), .optional("after", "Only system ids after this one (Gantry's own)."),
    ]

    static let isRegistered = Action(
        "GET", op: "is_registered", "MAC address registered", text: "Whether a MAC address belongs to a machine here.",
        parameters: [.required("mac_address", "The MAC address.")], access: .optional
    ) { call in
        let address = try Names.macAddress(try call.required("mac_address"), field: "mac_address")
        return .json(.bool(try await call.store.read { try await $0.machine(mac: address) } != nil))
    }

    static let setZone = Action(
        "POST", op: "set_zone", "Assign nodes to a zone",
        parameters: [.required("zone", "The zone's name."), .required("nodes", "System ids; repeat the parameter.")], access: .administrator
    ) { call in
        let name = try call.required("zone")
        let ids = try NodeFilter.systemIDs(call.form.list("nodes"), field: "nodes")
        try await call.store.transaction { transaction in
            guard try await transaction.zone(named: name) != nil else { throw APIFailure.field("zone", "No such zone: '\(name.prefix(80))'.") }
            for id in Set(ids).sorted() {
                guard var machine = try await transaction.lockMachine(id) else { throw APIFailure.field("nodes", "No such machine: '\(id)'.") }
                machine.zone = name
                try await transaction.update(machine)
            }
        }
        return .ok
    }

    /// - Throws: `APIFailure` 400 for what is no system id.
    static func systemIDs(_ texts: [String], field: String) throws -> [SystemID] {
        try texts.map { text in
            guard let id = SystemID(text) else { throw APIFailure.badRequest("Unknown machine(s): \(text.prefix(40)) (\(field)).") }
            return id
        }
    }

    /// The filters that the store understands. A value that can't match leaves nothing.
    static func filter(_ form: Form) throws -> MachineFilter {
        var filter = MachineFilter()
        func list(_ name: String) -> [String]? {
            let values = form.list(name)
            return values.isEmpty ? nil : values
        }
        filter.hostnames = list("hostname")?.map {
            $0.hasSuffix(".\(APIRenderer.domain)") ? String($0.dropLast(APIRenderer.domain.utf8.count + 1)) : $0
        }
        filter.ids = (list("id") ?? list("system_id"))?.compactMap(SystemID.init)
        filter.macAddresses = list("mac_address")?.compactMap(MACAddress.init)
        filter.zones = list("zone")
        filter.pools = list("pool")
        filter.tags = list("tags")
        filter.agentNames = list("agent_name")
        filter.owners = list("owner")
        let statuses = form.texts("status").flatMap { $0.split(separator: ",").map { String($0).trimmed } }
        filter.statuses = statuses.isEmpty ? nil : statuses.compactMap(Self.status)
        if let domains = list("domain"), !domains.contains(APIRenderer.domain), !domains.contains("0") { filter.ids = [] }
        filter.limit = form.text("limit").flatMap(Int.init).flatMap { $0 > 0 ? $0 : nil }
        filter.after = form.text("after").flatMap(SystemID.init)
        return filter
    }

    /// A state by number, or by name with blanks or underscores.
    private static func status(_ text: String) -> NodeStatus? {
        if let number = Int(text) { return NodeStatus(rawValue: number) }
        let plain = text.lowercased().replacing("_", with: " ")
        return NodeStatus.allCases.first { $0.name.lowercased() == plain }
    }

    /// The machines that match, as objects.
    static func machines(_ call: APICall, in transaction: StoreTransaction) async throws -> [JSONValue] {
        var filter = try Self.filter(call.form)
        // Limits of pages count what the user may see: they are applied after that.
        let limit = filter.limit
        if !call.caller.isAdministrator { filter.limit = nil }
        var fields = call.form.textsByName
        for key in Constraints.fields where !["arch", "cpu_count", "mem", "not_tags", "not_in_zone", "not_in_pool"].contains(key) {
            fields[key] = nil
        }
        let constraints = try Constraints(parsing: fields)
        var machines = try await transaction.machines(matching: filter).filter { call.may(.view, $0) && Placement.matches($0, constraints) }
        if let limit { machines = Array(machines.prefix(limit)) }
        let renderer = try await call.renderer(of: machines, in: transaction)
        return machines.map(renderer.machine)
    }
}
