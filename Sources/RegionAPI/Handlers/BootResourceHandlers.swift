// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `boot-resources/`.
enum BootResourceHandlers {
    static let resources = [
        Resource(
            name: "BootResources", path: "boot-resources/", text: "Manage the boot resources.",
            actions: [
                Action("GET", "List boot resources", parameters: [.optional("type", "all, synced or uploaded.")]) { call in
                    if let type = call.form.text("type"), !["all", "synced", "uploaded", "generated"].contains(type.lowercased()) {
                        throw APIFailure.badRequest("Bad filter type: '\(type.prefix(40))'; expected all, synced or uploaded.")
                    }
                    guard ["all", "synced"].contains(call.form.text("type")?.lowercased() ?? "all") else { return .json([]) }
                    let list = try await call.store.read { try await $0.bootResources() }
                    return .json(.array(list.map { Self.rendered($0, withSets: false) }))
                },
                Action("POST", op: "import", "Import boot resources", access: .administrator) { call in
                    await call.region.services.importImages()
                    return .text("Import of boot resources started")
                },
                Action("POST", op: "stop_import", "Stop import boot resources", access: .administrator) { call in
                    await call.region.services.stopImport()
                    return .text("Import of boot resources is being stopped")
                },
                Action("GET", op: "is_importing", "Importing status") { call in .json(.bool(await call.region.services.isImporting())) },
                Action("GET", op: "import_progress", "How far the import is", text: "Gantry's own: MAAS has no such operation.") { call in
                    let services = call.region.services
                    return .json(Self.rendered(await services.importProgress(), isImporting: await services.isImporting()))
                },
            ]
        ),
        Resource(
            name: "BootResource", path: "boot-resources/{id}/", text: "Manage a boot resource.",
            actions: [
                Action("GET", "Read a boot resource") { call in
                    .json(Self.rendered(try await call.store.read { try await Self.resource(call, in: $0) }, withSets: true))
                },
                Action("DELETE", "Delete a boot resource", access: .administrator) { call in
                    try await call.store.transaction { transaction in
                        try await transaction.deleteBootResource(try await Self.resource(call, in: transaction).id)
                    }
                    return .noContent
                },
            ]
        ),
    ]

    private static func rendered(_ progress: ImportProgress?, isImporting: Bool) -> JSONValue {
        [
            "importing": .bool(isImporting), "current": progress.map { .string($0.current) } ?? .null,
            "files_done": progress.map { .int($0.filesDone) } ?? .null, "files_total": progress.map { .int($0.filesTotal) } ?? .null,
            "bytes_done": progress.map { .int(Int($0.bytesDone)) } ?? .null, "bytes_total": progress.map { .int(Int($0.bytesTotal)) } ?? .null,
        ]
    }

    private static func resource(_ call: APICall, in transaction: StoreTransaction) async throws -> BootResource {
        let id = try call.pathNumber("id", "boot resource")
        guard let resource = try await transaction.bootResource(id: id) else { throw APIFailure.notFound("There is no boot resource \(id).") }
        return resource
    }

    private static func rendered(_ resource: BootResource, withSets: Bool) -> JSONValue {
        APIRenderer.bootResource(
            id: resource.id, osystem: resource.osystem, release: resource.release, architecture: resource.architecture,
            subarchitecture: resource.subarchitecture, assets: resource.assets, withSets: withSets
        )
    }
}
