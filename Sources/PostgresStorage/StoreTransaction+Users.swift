// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

extension StoreTransaction {
    private func users(where condition: PostgresQuery) async throws -> [User] {
        try await self.rows("SELECT id, username, email, is_superuser FROM app_user\(condition)").map {
            User(id: try $0["id"], username: try $0["username"], email: try $0["email"], isSuperuser: try $0["is_superuser"])
        }
    }

    /// In order of their names.
    public func users() async throws -> [User] {
        try await self.users(where: " ORDER BY username COLLATE \"C\"")
    }

    /// The user of this name.
    public func user(named name: String) async throws -> User? {
        try await self.users(where: " WHERE username = \(name)").first
    }

    /// - Parameter passwordHash: as `PasswordHash` makes it; nil for a user who can only use keys.
    @discardableResult public func insert(_ user: User, passwordHash: String?) async throws -> User {
        var user = user
        user.id = try await self.onlyRow(
            """
            INSERT INTO app_user (username, email, is_superuser, password_hash) \
            VALUES (\(user.username), \(user.email), \(user.isSuperuser), \(passwordHash)) RETURNING id
            """
        )["id"]
        return user
    }

    /// Changes the mail address and whether the user administers the region; names stay.
    public func update(_ user: User) async throws {
        try await self.executeOne(
            "user '\(user.username)'",
            "UPDATE app_user SET email = \(user.email), is_superuser = \(user.isSuperuser) WHERE id = \(user.id)"
        )
    }

    /// Nil when there is no such user, or it has no password.
    public func passwordHash(of username: String) async throws -> String? {
        try await self.row("SELECT password_hash FROM app_user WHERE username = \(username)")?["password_hash"]
    }

    /// Nil takes the password away.
    public func setPasswordHash(_ hash: String?, of username: String) async throws {
        try await self.executeOne(
            "user '\(username)'", "UPDATE app_user SET password_hash = \(hash) WHERE username = \(username)"
        )
    }

    /// Deletes a user with its API and SSH keys.
    ///
    /// - Parameter heir: who gets the user's machines and IP ranges.
    /// - Throws: ``StoreError`` refused while it has machines or IP ranges and there is no heir.
    public func deleteUser(named name: String, transferringTo heir: String? = nil) async throws {
        guard let row = try await self.row("SELECT id FROM app_user WHERE username = \(name) FOR UPDATE") else {
            throw StoreError.notFound("user '\(name)'")
        }
        let id: Int = try row["id"]
        if let heir {
            guard heir != name, let heirID = try await self.user(named: heir)?.id else {
                throw StoreError.invalid(field: "transfer_resources_to", message: "There is no other user '\(heir)'.")
            }
            try await self.execute(
                """
                UPDATE machine SET owner_id = \(heirID), version = version + 1, updated = clock_timestamp() WHERE owner_id = \(id)
                """
            )
            try await self.execute("UPDATE ip_range SET user_id = \(heirID) WHERE user_id = \(id)")
        }
        let uses = try await self.onlyRow(
            """
            SELECT (SELECT count(*) FROM machine WHERE owner_id = \(id)) AS machines, \
            (SELECT count(*) FROM ip_range WHERE user_id = \(id)) AS ranges
            """
        )
        let (machines, ranges): (Int, Int) = (try uses["machines"], try uses["ranges"])
        guard machines == 0, ranges == 0 else {
            throw StoreError.refused("The user can't be deleted: it has \(machines) machines and \(ranges) IP ranges.")
        }
        try await self.execute("DELETE FROM app_user WHERE id = \(id)")
    }

    /// The id behind a name in a form's field `user`.
    func userID(_ name: String?) async throws -> Int? {
        guard let name else { return nil }
        guard let user = try await self.user(named: name) else {
            throw StoreError.invalid(field: "user", message: "There is no user '\(name)'.")
        }
        return user.id
    }
}
