// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import OpenSSL

/// `describe/`: the route table as clients read it.
struct Describe: Sendable {
    private static let root = "/MAAS/api/2.0/"
    private let resources: [Resource]
    /// Of the document without hosts; also sent as `X-MAAS-API-Hash`.
    let hash: String

    init(_ resources: [Resource]) {
        self.resources = resources.sorted { $0.name < $1.name }
        let canonical = Self.document(self.resources, base: "", hash: nil)
        self.hash = String(SHA256.hexDigest(of: canonical.bytes).prefix(40))
    }

    /// - Parameter base: scheme and host as the client used them.
    func document(base: String) -> JSONValue {
        Self.document(self.resources, base: base, hash: self.hash)
    }

    private static func document(_ resources: [Resource], base: String, hash: String?) -> JSONValue {
        var handlers: [JSONValue] = []
        var list: [JSONValue] = []
        for resource in resources {
            let open = resource.actions.filter { $0.access == .anonymous || $0.access == .optional }
            let closed = resource.actions.filter { $0.access != .anonymous }
            let anonymous: JSONValue =
                open.isEmpty ? .null : Self.handler(resource, name: closed.isEmpty ? resource.name : "Anon\(resource.name)", open, base: base)
            let authenticated: JSONValue = closed.isEmpty ? .null : Self.handler(resource, name: resource.name, closed, base: base)
            list.append(["name": .string("\(resource.name)Handler"), "anon": anonymous, "auth": authenticated])
            handlers += [anonymous, authenticated].filter { !$0.isNull }
        }
        var document: JSONObject = ["doc": "MAAS API as Gantry serves it"]
        if let hash { document["hash"] = .string(hash) }
        document["resources"] = .array(list)
        document["handlers"] = .array(handlers)
        return .object(document)
    }

    private static func handler(_ resource: Resource, name: String, _ actions: [Action], base: String) -> JSONValue {
        let path = Self.root + resource.path
        let parameters = resource.path.split(separator: "/").filter { $0.first == "{" }.map { String($0.dropFirst().dropLast()) }
        return [
            "name": .string("\(name)Handler"), "doc": .string(resource.text), "params": .array(parameters.map(JSONValue.string)),
            "path": .string(path), "uri": .string(base + path), "actions": .array(actions.map(Self.action)),
        ]
    }

    private static func action(_ action: Action) -> JSONValue {
        [
            "name": .string(action.name), "method": .string(action.method), "op": .optional(action.op), "restful": .bool(action.op == nil),
            "doc": .string(Self.documentation(of: action)),
        ]
    }

    /// Title, body, then a line for each parameter.
    private static func documentation(of action: Action) -> String {
        var text = action.title
        if !action.text.isEmpty { text += "\n\n\(action.text)" }
        for parameter in action.parameters {
            text += "\n\n:param \(parameter.name): \(parameter.isRequired ? "Required" : "Optional"). \(parameter.text)\n"
            text += ":type \(parameter.name): \(parameter.kind)"
        }
        return text
    }
}
