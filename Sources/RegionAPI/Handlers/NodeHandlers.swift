// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import JSON
internal import PostgresStorage

/// `nodes/`: machines of every kind; here all nodes with hardware are machines.
enum NodeHandlers {
    static let resources = [
        Resource(
            name: "Nodes", path: "nodes/", text: "Manage the collection of all the nodes in the MAAS.",
            actions: [
                Action("GET", "List nodes visible to the user", parameters: NodeFilter.parameters) { call in
                    .json(.array(try await call.store.read { try await NodeFilter.machines(call, in: $0) }))
                },
                NodeFilter.isRegistered, NodeFilter.setZone,
            ]
        ),
        Resource(
            name: "Node", path: "nodes/{system_id}/", text: "Manage an individual node.",
            actions: [
                Action("GET", "Read a node") { call in
                    .json(
                        try await call.store.read { transaction in
                            try await call.rendered(try await call.machine(in: transaction), in: transaction)
                        }
                    )
                },
                Action("GET", op: "details", "Get system details", run: Self.details),
                Action("GET", op: "power_parameters", "Get power parameters", access: .administrator) { call in
                    let power = try await call.store.read { transaction in
                        try await transaction.power(of: try await call.machine(in: transaction).id)
                    }
                    return .json(PowerFields.object(power))
                },
            ]
        ),
    ]

    /// `op=details`: the documents that commissioning left, as BSON.
    @Sendable static func details(_ call: APICall) async throws -> APIResponse {
        let documents = try await call.store.read { transaction -> [(String, [UInt8])] in
            let machine = try await call.machine(in: transaction)
            guard let id = machine.commissioningResultID, let set = try await transaction.resultSet(id) else { return [] }
            return set.results.compactMap { result in
                guard !result.stdout.isEmpty else { return nil }
                if result.name.contains("lshw") { return ("lshw", result.stdout) }
                if result.name.contains("lldp") { return ("lldp", result.stdout) }
                return nil
            }
        }
        return .bytes(BSON.document(documents), contentType: "application/bson")
    }
}

/// Documents of binary values (bsonspec.org, version 1.1): all that `op=details` needs.
enum BSON {
    static func document(_ members: [(String, [UInt8])]) -> [UInt8] {
        var body: [UInt8] = []
        for (name, value) in members {
            body.append(0x05)
            body += name.utf8.filter { $0 != 0 }
            body.append(0)
            body += Self.number(value.count)
            body.append(0)
            body += value
        }
        return Self.number(body.count + 5) + body + [0]
    }

    private static func number(_ value: Int) -> [UInt8] {
        let bits = UInt32(truncatingIfNeeded: value)
        return [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: bits >> $0) }
    }
}
