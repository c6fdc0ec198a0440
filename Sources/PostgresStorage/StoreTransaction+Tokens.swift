// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import OpenSSL
import Postgres

extension StoreTransaction {
    /// A new API key for a user. Its secret is kept sealed.
    public func createToken(user: String, name: String) async throws -> APIToken {
        guard let userID = try await self.user(named: user)?.id else { throw StoreError.notFound("user '\(user)'") }
        let token = APIToken.random(name: name)
        let sealed = try self.seal(Array(token.tokenSecret.utf8), for: .token(key: token.tokenKey))
        try await self.execute(
            """
            INSERT INTO api_token (token_key, consumer_key, secret, name, user_id) \
            VALUES (\(token.tokenKey), \(token.consumerKey), \(sealed), \(name), \(userID))
            """
        )
        return token
    }

    /// The key with its secret, and whom it speaks for.
    ///
    /// - Parameter key: the token key, the middle one of the three parts.
    public func token(key: String) async throws -> (token: APIToken, owner: TokenOwner)? {
        let row = try await self.row(
            """
            SELECT token_key, consumer_key, secret, name, machine_id, app_user.id, username, email, is_superuser \
            FROM api_token LEFT JOIN app_user ON app_user.id = user_id WHERE token_key = \(key)
            """
        )
        guard let row else { return nil }
        let token = try self.token(row)
        if let machine: SystemID = try row["machine_id"] { return (token, .machine(machine)) }
        let user = User(
            id: try row["id"], username: try row["username"], email: try row["email"], isSuperuser: try row["is_superuser"]
        )
        return (token, .user(user))
    }

    /// The keys of a user, oldest first.
    public func tokens(of user: String) async throws -> [APIToken] {
        try await self.rows(
            """
            SELECT token_key, consumer_key, secret, name FROM api_token JOIN app_user ON app_user.id = user_id \
            WHERE username = \(user) ORDER BY api_token.id
            """
        ).map { try self.token($0) }
    }

    /// - Throws: ``StoreError`` `notFound` also for the key of another user.
    public func renameToken(key: String, of user: String, name: String) async throws {
        try await self.executeOne(
            "API key \(key)",
            """
            UPDATE api_token SET name = \(name) FROM app_user \
            WHERE app_user.id = user_id AND username = \(user) AND token_key = \(key)
            """
        )
    }

    /// - Throws: ``StoreError`` `notFound` also for the key of another user.
    public func deleteToken(key: String, of user: String) async throws {
        try await self.executeOne(
            "API key \(key)",
            "DELETE FROM api_token USING app_user WHERE app_user.id = user_id AND username = \(user) AND token_key = \(key)"
        )
    }

    /// The machine's own key for the metadata API, made when it is first asked for; then only in ``Store/transaction(_:)``.
    public func machineToken(_ id: SystemID) async throws -> APIToken {
        if let token = try await self.existingMachineToken(id) { return token }
        let token = APIToken.random(name: "machine")
        let sealed = try self.seal(Array(token.tokenSecret.utf8), for: .token(key: token.tokenKey))
        let added = try await self.execute(
            """
            INSERT INTO api_token (token_key, consumer_key, secret, name, machine_id) \
            VALUES (\(token.tokenKey), \(token.consumerKey), \(sealed), \(token.name), \(id)) ON CONFLICT (machine_id) DO NOTHING
            """
        )
        if added > 0 { return token }
        // Another transaction made one meanwhile.
        guard let other = try await self.existingMachineToken(id) else { throw StoreError.notFound("machine \(id)") }
        return other
    }

    /// The machine's own key; nil when nobody asked for one yet.
    public func existingMachineToken(_ id: SystemID) async throws -> APIToken? {
        try await self.row("SELECT token_key, consumer_key, secret, name FROM api_token WHERE machine_id = \(id)")
            .map { try self.token($0) }
    }

    /// Makes the machine's key worthless, and a new one: what ran on it before must not speak for it any more.
    public func resetMachineToken(_ id: SystemID) async throws -> APIToken {
        try await self.execute("DELETE FROM api_token WHERE machine_id = \(id)")
        return try await self.machineToken(id)
    }

    private func token(_ row: PostgresRow) throws -> APIToken {
        let key: String = try row["token_key"]
        let secret = try self.open(try row["secret"], of: .token(key: key))
        return APIToken(
            consumerKey: try row["consumer_key"], tokenKey: key, tokenSecret: String(decoding: secret, as: UTF8.self),
            name: try row["name"]
        )
    }
}

extension APIToken {
    /// A key of letters and digits, of the lengths that MAAS's have.
    fileprivate static func random(name: String) -> APIToken {
        APIToken(
            consumerKey: SecureRandom.token(length: 18), tokenKey: SecureRandom.token(length: 18),
            tokenSecret: SecureRandom.token(length: 32), name: name
        )
    }
}
