// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `boot-sources/`.
enum BootSourceHandlers {
    private static let parameters: [Parameter] = [
        .optional("url", "The stream's URL, or a folder of this region."), .optional("keyring_data", "The keyring, in base64 or as a file."),
        .optional("keyring_filename", "Not used: give keyring_data."),
        .optional("skip_keyring_verification", "Take an unsigned stream.", kind: "Boolean"),
    ]

    static let resources = [
        Resource(
            name: "BootSources", path: "boot-sources/", text: "Manage the collection of boot sources.",
            actions: [
                Action("GET", "List boot sources") { call in
                    let sources = try await call.store.read { try await $0.bootSources() }
                    return .json(.array(sources.map(Self.rendered)))
                },
                Action(
                    "POST", "Create a boot source",
                    parameters: [.required("url", "The stream's URL, or a folder of this region.")] + Self.parameters.dropFirst(),
                    access: .administrator
                ) { call in
                    let source = BootSource(
                        id: 0, url: try Self.url(try call.required("url")), keyring: try Self.keyring(call.form) ?? [],
                        allowUnsigned: try call.boolean("skip_keyring_verification") ?? false
                    )
                    return .json(Self.rendered(try await call.store.transaction { try await $0.insert(source) }))
                },
            ]
        ),
        Resource(
            name: "BootSource", path: "boot-sources/{id}/", text: "Manage a boot source.",
            actions: [
                Action("GET", "Read a boot source") { call in .json(Self.rendered(try await call.store.read { try await Self.source(call, in: $0) }))
                },
                Action("PUT", "Update a boot source", parameters: Self.parameters, access: .administrator) { call in
                    let source = try await call.store.transaction { transaction in
                        var source = try await Self.source(call, in: transaction)
                        if let url = call.form.text("url") { source.url = try Self.url(url) }
                        if let keyring = try Self.keyring(call.form) { source.keyring = keyring }
                        if let skip = try call.boolean("skip_keyring_verification") { source.allowUnsigned = skip }
                        try await transaction.update(source)
                        return try await Self.source(call, in: transaction)
                    }
                    return .json(Self.rendered(source))
                },
                Action("DELETE", "Delete a boot source", access: .administrator) { call in
                    try await call.store.transaction { transaction in
                        try await transaction.deleteBootSource(try await Self.source(call, in: transaction).id)
                    }
                    return .noContent
                },
            ]
        ),
        Resource(
            name: "BootSourceSelections", path: "boot-sources/{boot_source_id}/selections/", text: "Manage the collection of boot source selections.",
            actions: [
                Action("GET", "List boot-source selections", text: "Everything that a source has is imported.") { call in
                    let id = try call.pathNumber("boot_source_id", "boot source")
                    guard try await call.store.read({ try await $0.bootSource(id: id) }) != nil else {
                        throw APIFailure.notFound("There is no boot source \(id).")
                    }
                    return .json([])
                }
            ]
        ),
    ]

    private static func url(_ text: String) throws -> String {
        guard text.hasPrefix("http://") || text.hasPrefix("https://") || text.hasPrefix("/"), text.utf8.count <= 2048,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else { throw APIFailure.field("url", "'\(text.prefix(80))' is no http or https URL and no absolute path.") }
        return text
    }

    private static func keyring(_ form: Form) throws -> [UInt8]? {
        guard let given = form.bytes("keyring_data"), !given.isEmpty else { return nil }
        guard given.count <= 256 << 10 else { throw APIFailure.field("keyring_data", "Expected at most 256 KiB.") }
        // A file comes as it is; the maas command line sends text in base64. OpenPGP's bytes have the top bit set, so they are no base64.
        return Base64.decode(given) ?? given
    }

    private static func source(_ call: APICall, in transaction: StoreTransaction) async throws -> BootSource {
        let id = try call.pathNumber("id", "boot source")
        guard let source = try await transaction.bootSource(id: id) else { throw APIFailure.notFound("There is no boot source \(id).") }
        return source
    }

    private static func rendered(_ source: BootSource) -> JSONValue {
        APIRenderer.bootSource(
            id: source.id, url: source.url, keyringData: Base64.encode(source.keyring), allowUnsigned: source.allowUnsigned, created: source.created,
            updated: source.updated
        )
    }
}
