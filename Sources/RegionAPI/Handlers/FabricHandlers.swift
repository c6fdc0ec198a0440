// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `fabrics/`.
enum FabricHandlers {
    private static let parameters: [Parameter] = [
        .optional("name", "The fabric's name."), .optional("description", "A description."), .optional("class_type", "The class type."),
    ]

    static let resources = [
        Resource(
            name: "Fabrics", path: "fabrics/", text: "Manage fabrics.",
            actions: [
                Action("GET", "List fabrics") { call in
                    let objects = try await call.store.read { transaction in
                        let renderer = try await call.renderer(in: transaction)
                        return try await transaction.fabrics().map(renderer.fabric)
                    }
                    return .json(.array(objects))
                },
                Action("POST", "Create a fabric", parameters: Self.parameters, access: .administrator) { call in
                    let fabric = Fabric(
                        id: 0, name: try call.form.text("name").map { try Names.checked($0, field: "name") } ?? "",
                        description: call.form.text("description") ?? "", classType: call.form.text("class_type")
                    )
                    let object = try await call.store.transaction { transaction in
                        let stored = try await transaction.insert(fabric)
                        return try await call.renderer(in: transaction).fabric(stored)
                    }
                    return .json(object)
                },
            ]
        ),
        Resource(
            name: "Fabric", path: "fabrics/{id}/", text: "Manage a fabric.",
            actions: [
                Action("GET", "Read a fabric", text: "By id or by name.") { call in
                    .json(
                        try await call.store.read { transaction in
                            try await call.renderer(in: transaction).fabric(try await Self.fabric(call, in: transaction))
                        }
                    )
                },
                Action("PUT", "Update a fabric", parameters: Self.parameters, access: .administrator) { call in
                    let object = try await call.store.transaction { transaction in
                        var fabric = try await Self.fabric(call, in: transaction)
                        if let name = call.form.text("name") { fabric.name = try Names.checked(name, field: "name") }
                        if let text = call.form.rawText("description") { fabric.description = text }
                        if let text = call.form.rawText("class_type") { fabric.classType = text.isEmpty ? nil : text }
                        try await transaction.update(fabric)
                        return try await call.renderer(in: transaction).fabric(fabric)
                    }
                    return .json(object)
                },
                Action("DELETE", "Delete a fabric", access: .administrator) { call in
                    try await call.store.transaction { transaction in
                        try await transaction.deleteFabric(try await Self.fabric(call, in: transaction).id)
                    }
                    return .noContent
                },
            ]
        ),
    ]

    /// By id or by name.
    static func fabric(_ call: APICall, key: String = "id", in transaction: StoreTransaction) async throws -> Fabric {
        try await Self.fabric(call.path[key] ?? "", in: transaction)
    }

    static func fabric(_ text: String, in transaction: StoreTransaction) async throws -> Fabric {
        if let id = Int(text), let fabric = try await transaction.fabric(id: id) { return fabric }
        guard let fabric = try await transaction.fabric(named: text) else { throw APIFailure.notFound("There is no fabric '\(text.prefix(80))'.") }
        return fabric
    }
}
