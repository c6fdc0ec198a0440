// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `rackcontrollers/` and `regioncontrollers/`.
enum ControllerHandlers {
    static let resources = [
        Resource(
            name: "RackControllers", path: "rackcontrollers/", text: "Manage the collection of all rack controllers in MAAS.",
            actions: [
                Action("GET", "List rack controllers", parameters: [.optional("hostname", "Host names."), .optional("id", "System ids.")]) { call in
                    try await Self.list(call, kind: .rack)
                },
                Action("GET", op: "describe_power_types", "Get power information from rack controllers") { _ in .json(PowerTypeDescription.all) },
                Action("POST", op: "import_boot_images", "Import boot images on all rack controllers", access: .administrator) { call in
                    await call.region.services.importImages()
                    return .text("Import of boot images started on all rack controllers")
                },
                NodeFilter.isRegistered,
            ]
        ),
        Resource(
            name: "RackController", path: "rackcontrollers/{system_id}/", text: "Manage an individual rack controller.",
            actions: [
                Action("GET", "Read a rack controller") { call in try await Self.read(call, kind: .rack) },
                Action("DELETE", "Delete a rack controller", access: .administrator) { call in try await Self.delete(call, kind: .rack) },
                Action("POST", op: "drain", "Have a rack controller hand its shared segments over, and take none", access: .administrator) { call in
                    try await Self.drain(call, true)
                },
                Action("POST", op: "undrain", "Let a rack controller take segments again", access: .administrator) { call in
                    try await Self.drain(call, false)
                },
                Action("GET", op: "list_boot_images", "List available boot images", access: .administrator, run: Self.images),
                Action("POST", op: "import_boot_images", "Import boot images", access: .administrator) { call in
                    _ = try await call.store.read { try await Self.controller(call, kind: .rack, in: $0) }
                    await call.region.services.importImages()
                    return .text("Import of boot images started")
                },
            ]
        ),
        Resource(
            name: "RegionControllers", path: "regioncontrollers/", text: "Manage the collection of all region controllers in MAAS.",
            actions: [
                Action("GET", "List region controllers", parameters: [.optional("hostname", "Host names."), .optional("id", "System ids.")]) { call in
                    try await Self.list(call, kind: .region)
                },
                NodeFilter.isRegistered,
            ]
        ),
        Resource(
            name: "RegionController", path: "regioncontrollers/{system_id}/", text: "Manage an individual region controller.",
            actions: [
                Action("GET", "Read a region controller") { call in try await Self.read(call, kind: .region) },
                Action("DELETE", "Delete a region controller", access: .administrator) { call in try await Self.delete(call, kind: .region) },
            ]
        ),
    ]

    private static func list(_ call: APICall, kind: Controller.Kind) async throws -> APIResponse {
        let hostnames = call.form.list("hostname")
        let ids = call.form.list("id")
        let objects = try await call.store.read { transaction in
            let renderer = try await call.renderer(in: transaction)
            return try await transaction.controllers(kind: kind)
                .filter { (hostnames.isEmpty || hostnames.contains($0.hostname)) && (ids.isEmpty || ids.contains($0.id.description)) }
                .map(renderer.controller)
        }
        return .json(.array(objects))
    }

    private static func controller(_ call: APICall, kind: Controller.Kind, in transaction: StoreTransaction) async throws -> Controller {
        let text = call.path["system_id"] ?? ""
        guard let id = SystemID(text), let controller = try await transaction.controller(id), controller.kind == kind else {
            throw APIFailure.notFound("There is no \(kind.rawValue) controller '\(text.prefix(80))'.")
        }
        return controller
    }

    private static func read(_ call: APICall, kind: Controller.Kind) async throws -> APIResponse {
        .json(
            try await call.store.read { transaction in
                try await call.renderer(in: transaction).controller(try await Self.controller(call, kind: kind, in: transaction))
            }
        )
    }

    private static func drain(_ call: APICall, _ isDrained: Bool) async throws -> APIResponse {
        .json(
            try await call.store.transaction { transaction in
                let controller = try await Self.controller(call, kind: .rack, in: transaction)
                guard try await transaction.rackPeers().contains(where: { $0.rack == controller.id }) else {
                    throw APIFailure.conflict("\(controller.hostname) shares no segments with other racks.")
                }
                try await transaction.setDrained(isDrained, rack: controller.id)
                return try await call.renderer(in: transaction).controller(controller)
            }
        )
    }

    private static func delete(_ call: APICall, kind: Controller.Kind) async throws -> APIResponse {
        try await call.store.transaction { transaction in
            let controller = try await Self.controller(call, kind: kind, in: transaction)
            guard !controller.connected else { throw APIFailure.conflict("\(controller.hostname) is connected; stop it first.") }
            try await transaction.deleteController(controller.id)
        }
        return .noContent
    }

    @Sendable private static func images(_ call: APICall) async throws -> APIResponse {
        let (controller, resources) = try await call.store.read { transaction in
            (try await Self.controller(call, kind: .rack, in: transaction), try await transaction.bootResources())
        }
        let images: [JSONValue] = resources.map {
            [
                "name": .string("\($0.osystem)/\($0.release)"), "architecture": .string($0.architecture),
                "subarches": [.string($0.subarchitecture)],
            ]
        }
        return .json(["images": .array(images), "connected": .bool(controller.connected), "status": "synced"])
    }
}
