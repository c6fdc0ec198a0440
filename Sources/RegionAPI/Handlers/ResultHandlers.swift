// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `nodes/{system_id}/results/` and the old lists of results.
enum ResultHandlers {
    private static let parameters: [Parameter] = [
        .optional("type", "commissioning, testing, installation or release; also as a number."), .optional("filters", "Names of scripts."),
        .optional("include_output", "Add output, base64.", kind: "Boolean"), .optional("hardware_type", "Kind of hardware."),
    ]

    static let resources = [
        Resource(
            name: "NodeResults", path: "nodes/{system_id}/results/", text: "Manage node script results.",
            actions: [Action("GET", "Get node results", parameters: Self.parameters, run: Self.list)]
        ),
        Resource(
            name: "NodeResult", path: "nodes/{system_id}/results/{id}/", text: "Manage node script results.",
            actions: [
                Action(
                    "GET", "Get script result", text: "By id, or current-commissioning, current-testing, current-installation.",
                    parameters: Self.parameters
                ) { call in
                    let encoded = try call.boolean("include_output") ?? false
                    let set = try await call.store.read { try await Self.resultSet(call, in: $0) }
                    return .json(APIRenderer.resultSet(Self.filtered(set, call.form.list("filters")), encoded: encoded ? { Base64.encode($0) } : nil))
                },
                Action("DELETE", "Delete script results", access: .administrator) { call in
                    try await call.store.transaction { transaction in
                        try await transaction.deleteResultSet(try await Self.resultSet(call, in: transaction).id)
                    }
                    return .noContent
                },
                Action(
                    "GET", op: "download", "Download script results",
                    parameters: [.optional("filters", "Names of scripts."), .optional("output", "combined, stdout, stderr, result or all.")],
                    run: Self.download
                ),
            ]
        ),
        Resource(
            name: "CommissioningResults", path: "commissioning-results/", text: "Manage results of commissioning.",
            actions: [
                Action(
                    "GET", "List commissioning results",
                    parameters: [.optional("system_id", "System ids."), .optional("name", "Names of scripts."), .optional("result_type", "Kind.")]
                ) { call in try await Self.flatList(call, kinds: [.commissioning, .testing]) }
            ]
        ),
        Resource(
            name: "InstallationResults", path: "installation-results/", text: "Manage results of installation.",
            actions: [
                Action(
                    "GET", "List installation results", parameters: [.optional("system_id", "System ids."), .optional("name", "Names of scripts.")]
                ) { call in
                    try await Self.flatList(call, kinds: [.installation])
                }
            ]
        ),
    ]

    private static func kinds(_ texts: [String]) throws -> Set<ScriptResultSet.Kind>? {
        guard !texts.isEmpty else { return nil }
        return Set(
            try texts.map { text in
                let found =
                    Int(text).flatMap(ScriptResultSet.Kind.init(rawValue:))
                    ?? ScriptResultSet.Kind.allCases.first { $0.name.lowercased() == text.lowercased() }
                guard let found else {
                    throw APIFailure.field("type", "'\(text.prefix(40))' is not commissioning, testing, installation or release.")
                }
                return found
            }
        )
    }

    private static func filtered(_ set: ScriptResultSet, _ names: [String]) -> ScriptResultSet {
        guard !names.isEmpty else { return set }
        var set = set
        set.results = set.results.filter { names.contains($0.name) || names.contains(String($0.id)) }
        return set
    }

    private static func list(_ call: APICall) async throws -> APIResponse {
        let encoded = try call.boolean("include_output") ?? false
        let kinds = try Self.kinds(call.form.list("type"))
        let sets = try await call.store.read { transaction in
            try await transaction.resultSets(of: try await call.machine(in: transaction).id, withOutput: encoded)
        }
        let names = call.form.list("filters")
        let shown = sets.filter { kinds?.contains($0.kind) ?? true }.map { Self.filtered($0, names) }
        return .json(.array(shown.map { APIRenderer.resultSet($0, encoded: encoded ? { Base64.encode($0) } : nil) }))
    }

    private static func resultSet(_ call: APICall, in transaction: StoreTransaction) async throws -> ScriptResultSet {
        let machine = try await call.machine(in: transaction)
        let text = call.path["id"] ?? ""
        let id: Int? =
            switch text {
            case "current-commissioning": machine.commissioningResultID
            case "current-testing": machine.testingResultID
            case "current-installation": machine.installationResultID
            default: Int(text)
            }
        guard let id, let set = try await transaction.resultSet(id), set.machineID == machine.id else {
            throw APIFailure.notFound("\(machine.hostname) has no result '\(text.prefix(80))'.")
        }
        return set
    }

    /// The outputs one after the other, each under its script's name.
    private static func download(_ call: APICall) async throws -> APIResponse {
        let set = Self.filtered(try await call.store.read { try await Self.resultSet(call, in: $0) }, call.form.list("filters"))
        let which = call.form.text("output") ?? "combined"
        var text: [UInt8] = []
        for result in set.results {
            let content: [UInt8]
            switch which {
            case "stdout": content = result.stdout
            case "stderr": content = result.stderr
            case "result": content = result.result
            case "combined", "all": content = result.output
            default: throw APIFailure.field("output", "'\(which.prefix(40))' is not combined, stdout, stderr, result or all.")
            }
            if set.results.count > 1 { text += "\(result.name):\n".utf8 }
            text += content
            if set.results.count > 1 { text += "\n".utf8 }
        }
        return APIResponse(contentType: "text/plain; charset=utf-8", body: text)
    }

    private static func flatList(_ call: APICall, kinds: [ScriptResultSet.Kind]) async throws -> APIResponse {
        let ids = call.form.list("system_id")
        let names = call.form.list("name")
        let objects = try await call.store.read { transaction -> [JSONValue] in
            var filter = MachineFilter()
            if !ids.isEmpty { filter.ids = ids.compactMap(SystemID.init) }
            var objects: [JSONValue] = []
            for machine in try await transaction.machines(matching: filter) where call.may(.view, machine) {
                for id in [machine.commissioningResultID, machine.testingResultID, machine.installationResultID].compactMap(\.self) {
                    guard let set = try await transaction.resultSet(id), kinds.contains(set.kind) else { continue }
                    objects += Self.filtered(set, names).results.map {
                        APIRenderer.commissioningResult($0, of: set, data: Base64.encode($0.output))
                    }
                }
            }
            return objects
        }
        return .json(.array(objects))
    }
}
