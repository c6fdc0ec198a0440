// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `zones/`.
enum ZoneHandlers {
    private static let parameters: [Parameter] = [.optional("name", "The zone's name."), .optional("description", "A brief description.")]

    static let resources = [
        Resource(
            name: "Zones", path: "zones/", text: "Manage physical zones.",
            actions: [
                Action("GET", "List zones") { call in
                    let zones = try await call.store.read { try await $0.zones() }
                    return .json(.array(zones.map(APIRenderer.zone)))
                },
                Action(
                    "POST", "Create a new zone",
                    parameters: [.required("name", "The new zone's name."), .optional("description", "A brief description.")], access: .administrator
                ) { call in
                    let zone = Zone(
                        id: 0, name: try Names.checked(try call.required("name"), field: "name"), description: call.form.text("description") ?? "")
                    return .json(APIRenderer.zone(try await call.store.transaction { try await $0.insert(zone) }))
                },
            ]
        ),
        Resource(
            name: "Zone", path: "zones/{name}/", text: "Manage a physical zone.",
            actions: [
                Action("GET", "Read a zone") { call in
                    .json(APIRenderer.zone(try await call.store.read { try await Self.zone(call, in: $0) }))
                },
                Action("PUT", "Update a zone", parameters: Self.parameters, access: .administrator) { call in
                    let zone = try await call.store.transaction { transaction in
                        var zone = try await Self.zone(call, in: transaction)
                        if let name = call.form.text("name") { zone.name = try Names.checked(name, field: "name") }
                        if let text = call.form.rawText("description") { zone.description = text }
                        try await transaction.update(zone)
                        return zone
                    }
                    return .json(APIRenderer.zone(zone))
                },
                Action("DELETE", "Delete a zone", text: "Machines in it go to the default zone.", access: .administrator) { call in
                    try await call.store.transaction { transaction in
                        try await transaction.deleteZone(try await Self.zone(call, in: transaction).id)
                    }
                    return .noContent
                },
            ]
        ),
    ]

    private static func zone(_ call: APICall, in transaction: StoreTransaction) async throws -> Zone {
        let name = call.path["name"] ?? ""
        guard let zone = try await transaction.zone(named: name) else { throw APIFailure.notFound("There is no zone '\(name.prefix(80))'.") }
        return zone
    }
}
