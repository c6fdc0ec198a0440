// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `ipranges/`.
enum IPRangeHandlers {
    static let resources = [
        Resource(
            name: "IPRanges", path: "ipranges/", text: "Manage IP ranges.",
            actions: [
                Action("GET", "List all IP ranges") { call in
                    let objects = try await call.store.read { transaction in
                        let renderer = try await call.renderer(in: transaction)
                        let users = Dictionary(try await transaction.users().map { ($0.username, $0) }) { first, _ in first }
                        return try await transaction.ipRanges().map { renderer.ipRange($0, user: $0.user.flatMap { users[$0] }) }
                    }
                    return .json(.array(objects))
                },
                Action(
                    "POST", "Create an IP range",
                    parameters: [
                        .required("type", "dynamic or reserved."), .required("start_ip", "The first address."),
                        .required("end_ip", "The last address."),
                        .optional("subnet", "The subnet's id, CIDR or name; without it found from start_ip."), .optional("comment", "A comment."),
                    ], run: Self.create
                ),
            ]
        ),
        Resource(
            name: "IPRange", path: "ipranges/{id}/", text: "Manage an IP range.",
            actions: [
                Action("GET", "Read an IP range") { call in
                    .json(
                        try await call.store.read { transaction in
                            try await Self.rendered(try await Self.range(call, in: transaction), call, in: transaction)
                        }
                    )
                },
                Action(
                    "PUT", "Update an IP range",
                    parameters: [
                        .optional("start_ip", "The first address."), .optional("end_ip", "The last address."), .optional("comment", "A comment."),
                    ]
                ) { call in
                    let object = try await call.store.transaction { transaction in
                        var range = try await Self.range(call, in: transaction)
                        try Self.require(call, range)
                        range.start = try call.address("start_ip") ?? range.start
                        range.end = try call.address("end_ip") ?? range.end
                        if let text = call.form.rawText("comment") { range.comment = text }
                        try await transaction.update(range)
                        return try await Self.rendered(range, call, in: transaction)
                    }
                    return .json(object)
                },
                Action("DELETE", "Delete an IP range") { call in
                    try await call.store.transaction { transaction in
                        let range = try await Self.range(call, in: transaction)
                        try Self.require(call, range)
                        try await transaction.deleteIPRange(range.id)
                    }
                    return .noContent
                },
            ]
        ),
    ]

    private static func create(_ call: APICall) async throws -> APIResponse {
        let text = try call.required("type")
        guard let kind = IPRange.Kind(rawValue: text) else { throw APIFailure.field("type", "'\(text.prefix(40))' is not dynamic or reserved.") }
        guard kind == .reserved || call.caller.isAdministrator else {
            throw APIFailure.forbidden("Forbidden: only administrators make dynamic ranges.")
        }
        guard let start = try call.address("start_ip") else { throw APIFailure.required("start_ip") }
        guard let end = try call.address("end_ip") else { throw APIFailure.required("end_ip") }
        let user = try call.user.username
        let object = try await call.store.transaction { transaction in
            let subnet: Subnet
            if let named = call.form.text("subnet") {
                do {
                    subnet = try await SubnetHandlers.subnet(named, in: transaction)
                } catch is APIFailure {
                    throw APIFailure.field("subnet", "There is no subnet '\(named.prefix(80))'.")
                }
            } else {
                guard let found = try await transaction.subnet(containing: start) else {
                    throw APIFailure.field("start_ip", "No subnet has \(start); make the subnet first.")
                }
                subnet = found
            }
            let range = IPRange(id: 0, kind: kind, start: start, end: end, subnetID: subnet.id, comment: call.form.text("comment") ?? "", user: user)
            return try await Self.rendered(try await transaction.insert(range), call, in: transaction)
        }
        return .json(object)
    }

    private static func require(_ call: APICall, _ range: IPRange) throws {
        let user = try call.user.username
        guard call.caller.isAdministrator || range.user == user else {
            throw APIFailure.forbidden("Forbidden: this range is someone else's.")
        }
    }

    private static func range(_ call: APICall, in transaction: StoreTransaction) async throws -> IPRange {
        let id = try call.pathNumber("id", "IP range")
        guard let range = try await transaction.ipRange(id: id) else { throw APIFailure.notFound("There is no IP range \(id).") }
        return range
    }

    private static func rendered(_ range: IPRange, _ call: APICall, in transaction: StoreTransaction) async throws -> JSONValue {
        var user: User?
        if let name = range.user { user = try await transaction.user(named: name) }
        return try await call.renderer(in: transaction).ipRange(range, user: user)
    }
}
