// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import JSON
internal import PostgresStorage

/// `nodes/{system_id}/interfaces/`, for reading.
enum InterfaceHandlers {
    static let resources = [
        Resource(
            name: "Interfaces", path: "nodes/{system_id}/interfaces/", text: "Manage interfaces on a node.",
            actions: [
                Action("GET", "List interfaces") { call in
                    let objects = try await call.store.read { transaction in
                        let machine = try await call.machine(in: transaction)
                        let renderer = try await call.renderer(of: [machine], in: transaction)
                        return machine.interfaces.map { renderer.interface($0, of: machine.id) }
                    }
                    return .json(.array(objects))
                }
            ]
        ),
        Resource(
            name: "Interface", path: "nodes/{system_id}/interfaces/{id}/", text: "Manage a node's interface.",
            actions: [
                Action("GET", "Read an interface", text: "By id or by name.") { call in
                    let text = call.path["id"] ?? ""
                    let object = try await call.store.read { transaction -> JSONValue? in
                        let machine = try await call.machine(in: transaction)
                        guard let found = machine.interfaces.first(where: { String($0.id) == text || $0.name == text }) else { return nil }
                        return try await call.renderer(of: [machine], in: transaction).interface(found, of: machine.id)
                    }
                    guard let object else { throw APIFailure.notFound("There is no interface '\(text.prefix(80))'.") }
                    return .json(object)
                }
            ]
        ),
    ]
}
