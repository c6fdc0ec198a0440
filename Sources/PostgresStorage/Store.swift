// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import OpenSSL
public import Postgres

/// Everything that the region knows, in PostgreSQL. The only place that knows SQL.
///
/// All reading and writing happens in transactions; see ``StoreTransaction``. Errors are ``StoreError``.
public final class Store: Sendable {
    private let pool: PostgresPool
    private let secrets: SecretBox

    /// - Parameters:
    ///   - pool: the connections.
    ///   - secrets: seals passwords, keys and user data before they go to the database; its key comes from outside of it.
    public init(pool: PostgresPool, secrets: SecretBox) {
        self.pool = pool
        self.secrets = secrets
    }

    /// Brings the schema up to date, with the zone, pool, fabric and VLAN that exist from the start. Any number of regions may call
    /// it at once.
    ///
    /// - Returns: the numbers of the migrations that were applied now.
    @discardableResult public func migrate() async throws -> [Int] {
        do {
            return try await MigrationRunner(Schema.migrations).run(on: self.pool)
        } catch let error as PostgresError {
            throw StoreError(error)
        }
    }

    /// Runs the body in a transaction: it takes effect as a whole when the body returns, and not at all when it throws.
    ///
    /// Statements see what was committed before each of them began; lock what a decision rests on, as with
    /// ``StoreTransaction/lockMachine(_:)``. After a deadlock the body runs again, up to five times: it must have no effects
    /// outside the transaction.
    @discardableResult public func transaction<R: Sendable>(_ body: (StoreTransaction) async throws -> R) async throws -> R {
        try await self.run(isolation: .readCommitted, retries: 5, body)
    }

    /// Runs the body in a transaction in which all reads see the same moment. For reading only; it is not run again.
    public func read<R: Sendable>(_ body: (StoreTransaction) async throws -> R) async throws -> R {
        try await self.run(isolation: .repeatableRead, retries: 0, body)
    }

    private func run<R: Sendable>(
        isolation: PostgresIsolation, retries: Int, _ body: (StoreTransaction) async throws -> R
    ) async throws -> R {
        let secrets = self.secrets
        do {
            return try await self.pool.transaction(isolation: isolation, retries: retries) { transaction in
                try await body(StoreTransaction(executor: transaction, secrets: secrets))
            }
        } catch let error as PostgresError {
            throw StoreError(error)
        }
    }

    /// What others changed, and this region too: an element for each notice, and an empty one, which means "look at everything", at
    /// the start and whenever notices may have been missed.
    public func changes(_ channel: StoreChannel) -> AsyncStream<String> {
        self.pool.listen(channel.rawValue)
    }
}
