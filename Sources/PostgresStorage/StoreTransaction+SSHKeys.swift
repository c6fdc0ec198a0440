// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

extension StoreTransaction {
    private func sshKeys(where condition: PostgresQuery) async throws -> [SSHKey] {
        try await self.rows("SELECT ssh_key.id, username, key FROM ssh_key JOIN app_user ON app_user.id = user_id\(condition)").map {
            SSHKey(id: try $0["id"], user: try $0["username"], key: try $0["key"])
        }
    }

    /// In order of their ids.
    public func sshKeys(of user: String) async throws -> [SSHKey] {
        try await self.sshKeys(where: " WHERE username = \(user) ORDER BY ssh_key.id")
    }

    /// The key with this id.
    public func sshKey(id: Int) async throws -> SSHKey? {
        try await self.sshKeys(where: " WHERE ssh_key.id = \(id)").first
    }

    /// - Parameter key: one line as in `authorized_keys`.
    @discardableResult public func insertSSHKey(_ key: String, user: String) async throws -> SSHKey {
        guard let userID = try await self.user(named: user)?.id else { throw StoreError.notFound("user '\(user)'") }
        let row = try await self.onlyRow("INSERT INTO ssh_key (user_id, key) VALUES (\(userID), \(key)) RETURNING id")
        return SSHKey(id: try row["id"], user: user, key: key)
    }

    /// - Throws: ``StoreError`` `notFound` also for the key of another user.
    public func deleteSSHKey(_ id: Int, of user: String) async throws {
        try await self.executeOne(
            "SSH key \(id)",
            "DELETE FROM ssh_key USING app_user WHERE app_user.id = user_id AND ssh_key.id = \(id) AND username = \(user)"
        )
    }
}
