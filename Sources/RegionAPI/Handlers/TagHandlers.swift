// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `tags/`.
enum TagHandlers {
    private static let parameters: [Parameter] = [
        .optional("name", "The tag's name."), .optional("comment", "A description."),
        .optional("definition", "An XPath expression over the inventory."),
        .optional("kernel_opts", "Options for the kernel of the tag's machines."),
    ]

    static let resources = [
        Resource(
            name: "Tags", path: "tags/", text: "Manage all tags known to MAAS.",
            actions: [
                Action("GET", "List tags") { call in
                    let tags = try await call.store.read { try await $0.tags() }
                    return .json(.array(tags.map(APIRenderer.tag)))
                },
                Action(
                    "POST", "Create a new tag", parameters: [.required("name", "The tag's name.")] + Self.parameters.dropFirst(),
                    access: .administrator
                ) { call in
                    let tag = Tag(
                        name: try Self.name(try call.required("name")), comment: call.form.text("comment") ?? "",
                        definition: try Self.definition(call), kernelOptions: call.form.text("kernel_opts") ?? ""
                    )
                    return .json(APIRenderer.tag(try await call.store.transaction { try await $0.insert(tag) }))
                },
            ]
        ),
        Resource(
            name: "Tag", path: "tags/{name}/", text: "Tags are properties that can be associated with a node.",
            actions: [
                Action("GET", "Read a specific tag") { call in .json(APIRenderer.tag(try await call.store.read { try await Self.tag(call, in: $0) }))
                },
                Action("PUT", "Update a tag", parameters: Self.parameters, access: .administrator) { call in
                    let tag = try await call.store.transaction { transaction in
                        var tag = try await Self.tag(call, in: transaction)
                        let name = tag.name
                        if let text = call.form.text("name") { tag.name = try Self.name(text) }
                        if let text = call.form.rawText("comment") { tag.comment = text }
                        if call.form.contains("definition") { tag.definition = try Self.definition(call) }
                        if let text = call.form.rawText("kernel_opts") { tag.kernelOptions = text }
                        try await transaction.update(tag, named: name)
                        return tag
                    }
                    return .json(APIRenderer.tag(tag))
                },
                Action("DELETE", "Delete a tag", access: .administrator) { call in
                    try await call.store.transaction { transaction in
                        try await transaction.deleteTag(named: try await Self.tag(call, in: transaction).name)
                    }
                    return .noContent
                },
                Action("GET", op: "nodes", "List nodes by tag", run: Self.machines),
                Action("GET", op: "machines", "List machines by tag", run: Self.machines),
                Action("GET", op: "devices", "List devices by tag", run: Self.nothing),
                Action("GET", op: "rack_controllers", "List rack controllers by tag", run: Self.nothing),
                Action("GET", op: "region_controllers", "List region controllers by tag", run: Self.nothing),
                Action(
                    "POST", op: "update_nodes", "Update nodes associated with this tag",
                    parameters: [
                        .optional("add", "System ids to tag; repeat the parameter."),
                        .optional("remove", "System ids to untag; repeat the parameter."),
                    ], access: .administrator
                ) { call in
                    let add = try NodeFilter.systemIDs(call.form.list("add"), field: "add")
                    let remove = try NodeFilter.systemIDs(call.form.list("remove"), field: "remove")
                    let counts = try await call.store.transaction { transaction in
                        try await transaction.updateTag(try await Self.tag(call, in: transaction).name, adding: add, removing: remove)
                    }
                    return .json(["added": .int(counts.added), "removed": .int(counts.removed)])
                },
                Action("POST", op: "rebuild", "Trigger a tag-node mapping rebuild", access: .administrator) { call in
                    let name = try await call.store.read { try await Self.tag(call, in: $0) }.name
                    return .json(["rebuilding": .string(name)])
                },
            ]
        ),
    ]

    private static func name(_ text: String) throws -> String {
        let isPlain = text.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                || $0 == UInt8(ascii: ".")
        }
        guard isPlain, (1...255).contains(text.utf8.count) else {
            throw APIFailure.field("name", "'\(text.prefix(80))' can't be a tag's name: expected letters, digits and '_ . -'.")
        }
        return text
    }

    private static func definition(_ call: APICall) throws -> String {
        guard let text = call.form.text("definition") else { return "" }
        throw APIFailure.field("definition", "Tags by definition ('\(text.prefix(40))') are not supported; set them on machines with update_nodes.")
    }

    private static func tag(_ call: APICall, in transaction: StoreTransaction) async throws -> Tag {
        let name = call.path["name"] ?? ""
        guard let tag = try await transaction.tag(named: name) else { throw APIFailure.notFound("There is no tag '\(name.prefix(80))'.") }
        return tag
    }

    @Sendable private static func machines(_ call: APICall) async throws -> APIResponse {
        let objects = try await call.store.read { transaction in
            var filter = MachineFilter()
            filter.tags = [try await Self.tag(call, in: transaction).name]
            let machines = try await transaction.machines(matching: filter).filter { call.may(.view, $0) }
            let renderer = try await call.renderer(of: machines, in: transaction)
            return machines.map(renderer.machine)
        }
        return .json(.array(objects))
    }

    @Sendable private static func nothing(_ call: APICall) async throws -> APIResponse {
        _ = try await call.store.read { try await Self.tag(call, in: $0) }
        return .json([])
    }
}
