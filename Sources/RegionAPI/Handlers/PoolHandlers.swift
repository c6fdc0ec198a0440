// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `resourcepools/`, and `resourcepool/` for one: so it is in MAAS.
enum PoolHandlers {
    static let resources = [
        Resource(
            name: "ResourcePools", path: "resourcepools/", text: "Manage resource pools.",
            actions: [
                Action("GET", "List resource pools") { call in
                    let pools = try await call.store.read { try await $0.pools() }
                    return .json(.array(pools.map(APIRenderer.pool)))
                },
                Action(
                    "POST", "Create a resource pool",
                    parameters: [.required("name", "The new pool's name."), .optional("description", "A brief description.")], access: .administrator
                ) { call in
                    let name = try Names.checked(try call.required("name"), field: "name")
                    let pool = ResourcePool(id: 0, name: name, description: call.form.text("description") ?? "")
                    return .json(APIRenderer.pool(try await call.store.transaction { try await $0.insert(pool) }))
                },
            ]
        ),
        Resource(
            name: "ResourcePool", path: "resourcepool/{id}/", text: "Manage a resource pool.",
            actions: [
                Action("GET", "Read a resource pool") { call in
                    .json(APIRenderer.pool(try await call.store.read { try await Self.pool(call, in: $0) }))
                },
                Action(
                    "PUT", "Update a resource pool",
                    parameters: [.optional("name", "The pool's name."), .optional("description", "A brief description.")], access: .administrator
                ) { call in
                    let pool = try await call.store.transaction { transaction in
                        var pool = try await Self.pool(call, in: transaction)
                        if let name = call.form.text("name") { pool.name = try Names.checked(name, field: "name") }
                        if let text = call.form.rawText("description") { pool.description = text }
                        try await transaction.update(pool)
                        return pool
                    }
                    return .json(APIRenderer.pool(pool))
                },
                Action("DELETE", "Delete a resource pool", access: .administrator) { call in
                    try await call.store.transaction { transaction in
                        try await transaction.deletePool(try await Self.pool(call, in: transaction).id)
                    }
                    return .noContent
                },
            ]
        ),
    ]

    /// By id or by name.
    private static func pool(_ call: APICall, in transaction: StoreTransaction) async throws -> ResourcePool {
        let text = call.path["id"] ?? ""
        if let id = Int(text), let pool = try await transaction.pool(id: id) { return pool }
        guard let pool = try await transaction.pool(named: text) else { throw APIFailure.notFound("There is no resource pool '\(text.prefix(80))'.") }
        return pool
    }
}
