// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `users/`.
enum UserHandlers {
    static let resources = [
        Resource(
            name: "Users", path: "users/", text: "Manage the user accounts of this MAAS.",
            actions: [
                Action("GET", "List users") { call in
                    let users = try await call.store.read { try await $0.users() }
                    return .json(.array(users.map(APIRenderer.user)))
                },
                Action("GET", op: "whoami", "Retrieve logged-in user", text: "Returns the currently logged-in user.") { call in
                    .json(APIRenderer.user(try call.user))
                },
                Action(
                    "POST", "Create a MAAS user account",
                    parameters: [
                        .required("username", "Identifier-style username for the new user."),
                        .required("email", "Email address for the new user."),
                        .required("password", "Password for the new user."),
                        .optional("is_superuser", "Whether the new user is to be an administrator.", kind: "Boolean"),
                    ], access: .administrator, run: Self.create
                ),
            ]
        ),
        Resource(
            name: "User", path: "users/{username}/", text: "Manage a user account.",
            actions: [
                Action("GET", "Retrieve user details") { call in
                    let name = call.path["username"] ?? ""
                    guard let user = try await call.store.read({ try await $0.user(named: name) }) else {
                        throw APIFailure.notFound("There is no user '\(name.prefix(80))'.")
                    }
                    return .json(APIRenderer.user(user))
                },
                Action(
                    "DELETE", "Delete a user",
                    parameters: [.optional("transfer_resources_to", "The user who gets what the deleted one has.")], access: .administrator
                ) { call in
                    let name = call.path["username"] ?? ""
                    guard name != (try call.user.username) else { throw APIFailure.field("__all__", "You cannot delete yourself.") }
                    try await call.store.transaction { try await $0.deleteUser(named: name, transferringTo: call.form.text("transfer_resources_to")) }
                    return .noContent
                },
            ]
        ),
    ]

    private static func create(_ call: APICall) async throws -> APIResponse {
        let name = try call.required("username")
        guard name.utf8.count <= 150, name.utf8.allSatisfy(Self.isAllowed) else {
            throw APIFailure.field("username", "Expected up to 150 letters, digits and the characters @ . + - _.")
        }
        let password = try call.required("password")
        guard password.utf8.count <= 1024 else { throw APIFailure.field("password", "Expected at most 1024 bytes.") }
        let hash = try await call.region.passwords.make(password)
        let user = User(id: 0, username: name, email: call.form.text("email") ?? "", isSuperuser: try call.boolean("is_superuser") ?? false)
        let stored = try await call.store.transaction { try await $0.insert(user, passwordHash: hash) }
        return .json(APIRenderer.user(stored))
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "@"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
