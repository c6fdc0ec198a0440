// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import OpenSSL
internal import Postgres
internal import PostgresStorage

extension RegionDaemon {
    /// Makes an administrator, or sets the password of an existing one, and makes an API key.
    ///
    /// - Returns: the key as `consumer:token:secret`.
    public func createAdministrator(username: String, email: String, password: String) async throws -> String {
        let (store, pool) = try await self.openStore()
        let hash = try PasswordHash.make(password)
        do {
            let token = try await store.transaction { transaction in
                if try await transaction.user(named: username) == nil {
                    let user = User(id: 0, username: username, email: email, isSuperuser: true)
                    _ = try await transaction.insert(user, passwordHash: hash)
                } else {
                    try await transaction.setPasswordHash(hash, of: username)
                }
                return try await transaction.createToken(user: username, name: "created by regiond")
            }
            await pool.shutdown()
            return token.text
        } catch {
            await pool.shutdown()
            throw error
        }
    }
}
