// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `events/`.
enum EventHandlers {
    private static let parameters: [Parameter] = [
        .optional("hostname", "Host names; repeat the parameter."), .optional("mac_address", "MAC addresses."), .optional("id", "System ids."),
        .optional("zone", "Zones."), .optional("agent_name", "Agent names."),
        .optional("level", "The lowest level: DEBUG, INFO, WARNING, ERROR, CRITICAL."),
        .optional("limit", "At most so many, up to 1000; default 100.", kind: "Integer"),
        .optional("before", "Only ids below this one.", kind: "Integer"),
        .optional("after", "Only ids above this one.", kind: "Integer"), .optional("owner", "User names."),
    ]

    static let resources = [
        Resource(
            name: "Events", path: "events/", text: "Retrieve filtered node events.",
            actions: [
                Action("GET", op: "query", "List node events", text: "The newest first.", parameters: Self.parameters, run: Self.query),
                Action(
                    "GET", op: "stream", "Stream events", text: "Server-sent events; resumes after the header Last-Event-ID. Gantry's own.",
                    parameters: Self.parameters.filter { !["limit", "before"].contains($0.name) }, run: EventStream.open
                ),
            ]
        )
    ]

    /// The filters of a request.
    static func query(of call: APICall) throws -> EventQuery {
        var query = EventQuery()
        let form = call.form
        func list(_ name: String) -> [String]? {
            let values = form.list(name)
            return values.isEmpty ? nil : values
        }
        query.machineIDs = list("id")?.compactMap(SystemID.init)
        query.hostnames = list("hostname")
        query.macAddresses = list("mac_address")?.compactMap(MACAddress.init)
        query.zones = list("zone")
        query.agentNames = list("agent_name")
        query.owners = list("owner")
        if let text = form.text("level") {
            guard let level = EventLevel.allCases.first(where: { $0.name == text.uppercased() || String($0.rawValue) == text }) else {
                throw APIFailure.badRequest("Unrecognised log level: \(text.prefix(40))")
            }
            query.minimumLevel = level
        }
        query.limit = try call.integer("limit", in: 1...1000) ?? 100
        query.before = try call.integer("before")
        query.after = try call.integer("after")
        return query
    }

    /// Events that a user may see: all for administrators, else those of machines that the user may see, and the user's own.
    static func visible(_ events: [Event], to call: APICall, in transaction: StoreTransaction) async throws -> [Event] {
        guard !call.caller.isAdministrator, let user = call.caller.user else { return events }
        var filter = MachineFilter()
        filter.ids = Array(Set(events.compactMap(\.machineID)))
        let machines = try await transaction.machines(matching: filter)
        let ids = Set(machines.filter { call.may(.view, $0) }.map(\.id))
        return events.filter { $0.user == user.username || $0.machineID.map(ids.contains) ?? false }
    }

    @Sendable private static func query(_ call: APICall) async throws -> APIResponse {
        let query = try Self.query(of: call)
        let events = try await call.store.read { transaction in
            try await Self.visible(try await transaction.events(query), to: call, in: transaction)
        }
        let next = Self.link(call, query, key: "after", id: events.first?.id ?? query.after ?? 0)
        let previous = Self.link(call, query, key: "before", id: events.last?.id ?? query.before ?? 1)
        return .json(
            [
                "count": .int(events.count), "events": .array(events.map(APIRenderer.event)), "next_uri": .string(next),
                "prev_uri": .string(previous),
            ]
        )
    }

    /// The same query, a page on: clients read the parameters of these.
    private static func link(_ call: APICall, _ query: EventQuery, key: String, id: Int) -> String {
        var fields = call.form.fields.filter { !["before", "after", "limit"].contains($0.name) }.map { ($0.name, $0.text) }
        fields += [("limit", String(query.limit)), (key, String(id))]
        return "\(APIPath.root)events/?op=query&\(URLEncodedForm.encode(fields))"
    }
}
