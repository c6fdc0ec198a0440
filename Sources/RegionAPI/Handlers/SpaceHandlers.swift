// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `spaces/`.
enum SpaceHandlers {
    private static let parameters: [Parameter] = [.optional("name", "The space's name."), .optional("description", "A description.")]

    static let resources = [
        Resource(
            name: "Spaces", path: "spaces/", text: "Manage spaces.",
            actions: [
                Action("GET", "List spaces", text: "The last one is 'undefined': networks without a space.") { call in
                    let objects = try await call.store.read { transaction in
                        let renderer = try await call.renderer(in: transaction)
                        let spaces = try await transaction.spaces()
                        return spaces.map { renderer.space(id: $0.id, name: $0.name, description: $0.description) } + [Self.undefined(renderer)]
                    }
                    return .json(.array(objects))
                },
                Action(
                    "POST", "Create a space", parameters: [.required("name", "The space's name."), .optional("description", "A description.")],
                    access: .administrator
                ) {
                    call in
                    let name = try Names.checked(try call.required("name"), field: "name")
                    guard name != APIRenderer.undefinedSpace else { throw APIFailure.field("name", "'undefined' is the name of having none.") }
                    let object = try await call.store.transaction { transaction in
                        let space = try await transaction.insert(Space(id: 0, name: name, description: call.form.text("description") ?? ""))
                        return try await call.renderer(in: transaction).space(id: space.id, name: space.name, description: space.description)
                    }
                    return .json(object)
                },
            ]
        ),
        Resource(
            name: "Space", path: "spaces/{id}/", text: "Manage a space.",
            actions: [
                Action("GET", "Read a space") { call in
                    .json(
                        try await call.store.read { transaction in
                            let renderer = try await call.renderer(in: transaction)
                            if ["undefined", "-1"].contains(call.path["id"] ?? "") { return Self.undefined(renderer) }
                            let space = try await Self.space(call, in: transaction)
                            return renderer.space(id: space.id, name: space.name, description: space.description)
                        }
                    )
                },
                Action("PUT", "Update a space", parameters: Self.parameters, access: .administrator) { call in
                    let object = try await call.store.transaction { transaction in
                        var space = try await Self.space(call, in: transaction)
                        if let name = call.form.text("name") { space.name = try Names.checked(name, field: "name") }
                        if let text = call.form.rawText("description") { space.description = text }
                        try await transaction.update(space)
                        return try await call.renderer(in: transaction).space(id: space.id, name: space.name, description: space.description)
                    }
                    return .json(object)
                },
                Action("DELETE", "Delete a space", access: .administrator) { call in
                    try await call.store.transaction { transaction in
                        try await transaction.deleteSpace(try await Self.space(call, in: transaction).id)
                    }
                    return .noContent
                },
            ]
        ),
    ]

    private static func undefined(_ renderer: APIRenderer) -> JSONValue {
        renderer.space(id: -1, name: APIRenderer.undefinedSpace, description: "")
    }

    private static func space(_ call: APICall, in transaction: StoreTransaction) async throws -> Space {
        let text = call.path["id"] ?? ""
        if let id = Int(text), let space = try await transaction.space(id: id) { return space }
        guard let space = try await transaction.space(named: text) else { throw APIFailure.notFound("There is no space '\(text.prefix(80))'.") }
        return space
    }
}
