// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `account/`, its SSH keys, and logging in with a password.
enum AccountHandlers {
    static let resources = [
        Resource(
            name: "Account", path: "account/", text: "Manage the current logged-in user.",
            actions: [
                Action(
                    "POST", op: "create_authorisation_token", "Create an authorisation token",
                    text: "Create an authorisation OAuth token and OAuth consumer.", parameters: [.optional("name", "Optional name of the token.")],
                ) { call in
                    let user = try call.user.username
                    let token = try await call.store.transaction { try await $0.createToken(user: user, name: call.form.text("name") ?? "") }
                    return .json(APIRenderer.token(token))
                },
                Action(
                    "POST", op: "delete_authorisation_token", "Delete an authorisation token",
                    parameters: [.required("token_key", "The key of the token to be deleted.")]
                ) { call in
                    let (user, key) = (try call.user.username, try call.required("token_key"))
                    try await call.store.transaction { try await $0.deleteToken(key: key, of: user) }
                    return .noContent
                },
                Action("GET", op: "list_authorisation_tokens", "List authorisation tokens") { call in
                    let user = try call.user.username
                    let tokens = try await call.store.read { try await $0.tokens(of: user) }
                    return .json(.array(tokens.map(APIRenderer.tokenListItem)))
                },
                Action(
                    "POST", op: "update_token_name", "Modify authorisation token",
                    parameters: [
                        .required("token", "Token's key, or the whole API key."), .required("name", "New name of the token."),
                    ]
                ) { call in
                    let (user, text, name) = (try call.user.username, try call.required("token"), try call.required("name"))
                    let parts = text.split(separator: ":")
                    let key = parts.count == 3 ? String(parts[1]) : text
                    try await call.store.transaction { try await $0.renameToken(key: key, of: user, name: name) }
                    return .ok
                },
            ]
        ),
        Resource(
            name: "SSHKeys", path: "account/prefs/sshkeys/", text: "Manage the collection of all the SSH keys in this MAAS.",
            actions: [
                Action("GET", "List SSH keys") { call in
                    let user = try call.user.username
                    let keys = try await call.store.read { try await $0.sshKeys(of: user) }
                    return .json(.array(keys.map(APIRenderer.sshKey)))
                },
                Action(
                    "POST", "Add a new SSH key", parameters: [.required("key", "A public SSH key: one line as in authorized_keys.")]
                ) { call in
                    let (user, key) = (try call.user.username, try Self.checkedKey(try call.required("key")))
                    let stored = try await call.store.transaction { try await $0.insertSSHKey(key, user: user) }
                    return .json(APIRenderer.sshKey(stored), status: 201)
                },
                Action("POST", op: "import", "Import SSH keys", parameters: [.required("keysource", "Such as lp:user or gh:user.")]) { _ in
                    throw APIFailure.badRequest("Importing SSH keys from Launchpad or GitHub is not offered; add the key itself.")
                },
            ]
        ),
        Resource(
            name: "SSHKey", path: "account/prefs/sshkeys/{id}/", text: "Manage an SSH key.",
            actions: [
                Action("GET", "Retrieve an SSH key") { call in
                    let (user, id) = (try call.user.username, try call.pathNumber("id", "SSH key"))
                    guard let key = try await call.store.read({ try await $0.sshKey(id: id) }), key.user == user else {
                        throw APIFailure.notFound("There is no SSH key \(id).")
                    }
                    return .json(APIRenderer.sshKey(key))
                },
                Action("DELETE", "Delete an SSH key") { call in
                    let (user, id) = (try call.user.username, try call.pathNumber("id", "SSH key"))
                    try await call.store.transaction { try await $0.deleteSSHKey(id, of: user) }
                    return .noContent
                },
            ]
        ),
    ]

    /// `POST /MAAS/accounts/authenticate/`: a new API key for a name and a password.
    static func authenticate(_ call: APICall) async throws -> APIResponse {
        let (name, password) = (try call.required("username"), try call.required("password"))
        guard name.utf8.count <= 256, password.utf8.count <= 1024 else { throw APIFailure.forbidden("Forbidden: wrong user name or password.") }
        let stored = try await call.store.read { try await $0.passwordHash(of: name) }
        guard try await call.region.passwords.verify(password, of: name, against: stored, now: call.now) else {
            throw APIFailure.forbidden("Forbidden: wrong user name or password.")
        }
        let token = try await call.store.transaction { try await $0.createToken(user: name, name: call.form.text("consumer") ?? "") }
        return .json(APIRenderer.token(token))
    }

    private static func checkedKey(_ text: String) throws -> String {
        let key = text.trimmed
        let words = key.split(separator: " ")
        guard key.utf8.count <= 16384, !key.contains(where: \.isNewline), words.count >= 2,
            words.contains(where: { $0.hasPrefix("ssh-") || $0.hasPrefix("ecdsa-") || $0.hasPrefix("sk-") })
        else { throw APIFailure.field("key", "This is no public SSH key: expected one line such as 'ssh-ed25519 AAAA… name'.") }
        return key
    }
}

extension String {
    /// Without white space around it.
    var trimmed: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text = text.dropFirst() }
        while text.last?.isWhitespace == true { text = text.dropLast() }
        return String(text)
    }
}
