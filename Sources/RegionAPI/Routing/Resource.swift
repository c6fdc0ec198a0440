// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A parameter of an operation, for `describe/`: the `maas` command line takes `key=value` only where it is told of parameters.
struct Parameter: Sendable {
    var name: String
    var isRequired: Bool
    var kind: String
    var text: String

    static func required(_ name: String, _ text: String, kind: String = "String") -> Parameter {
        Parameter(name: name, isRequired: true, kind: kind, text: text)
    }

    static func optional(_ name: String, _ text: String, kind: String = "String") -> Parameter {
        Parameter(name: name, isRequired: false, kind: kind, text: text)
    }
}

/// Who may call an operation.
enum Access: Sendable {
    /// Everybody; credentials are not looked at.
    case anonymous
    /// Everybody; credentials that are there have to be right.
    case optional
    case user
    case administrator
}

/// One operation of a resource.
struct Action: Sendable {
    var method: String
    /// Nil for the restful ones: create, read, update, delete.
    var op: String?
    /// The first paragraph of its documentation.
    var title: String
    var text: String
    var parameters: [Parameter]
    var access: Access
    var run: @Sendable (APICall) async throws -> APIResponse

    init(
        _ method: String, op: String? = nil, _ title: String, text: String = "", parameters: [Parameter] = [], access: Access = .user,
        run: @escaping @Sendable (APICall) async throws -> APIResponse
    ) {
        self.method = method
        self.op = op
        self.title = title
        self.text = text
        self.parameters = parameters
        self.access = access
        self.run = run
    }

    var name: String {
        if let op = self.op { return op }
        return switch self.method {
        case "POST": "create"
        case "PUT": "update"
        case "DELETE": "delete"
        default: "read"
        }
    }
}

/// A resource of the API: a path with its operations. The table of them is what requests are matched with and what `describe/` shows.
struct Resource: Sendable {
    /// MAAS's name without `Handler`, such as `RackControllers`: clients derive their names from it.
    var name: String
    /// Below `/MAAS/api/2.0/`, such as `machines/{system_id}/`.
    var path: String
    var text: String
    var actions: [Action]
    /// Further paths for the same, with the same parameters.
    var aliases: [String] = []
}
