// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import OpenSSL
import Postgres

/// What can be read and written in one transaction of a ``Store``. Not to be used after the transaction's body has returned.
///
/// New things have the id 0; `insert` returns them as they were stored. `update` and `delete` throw ``StoreError`` `notFound`
/// for what is not there; looking something up gives nil.
public struct StoreTransaction: Sendable {
    let executor: any PostgresExecutor
    let secrets: SecretBox

    /// The rows that the query gives.
    func rows(_ query: PostgresQuery) async throws -> [PostgresRow] {
        do {
            return try await self.executor.query(query)
        } catch let error as PostgresError where !StoreError.isForPool(error) {
            throw StoreError(error)
        }
    }

    /// The only row, or the first of them, or nil.
    func row(_ query: PostgresQuery) async throws -> PostgresRow? {
        try await self.rows(query).first
    }

    /// The row of a query that always gives one, such as an INSERT with RETURNING.
    func onlyRow(_ query: PostgresQuery) async throws -> PostgresRow {
        guard let row = try await self.row(query) else {
            throw StoreError(.failed, "A statement that gives a row gave none: \(query.sql.prefix(60)).")
        }
        return row
    }

    /// - Returns: how many rows were changed.
    @discardableResult func execute(_ query: PostgresQuery) async throws -> Int {
        do {
            return try await self.executor.execute(query)
        } catch let error as PostgresError where !StoreError.isForPool(error) {
            throw StoreError(error)
        }
    }

    /// Executes a statement that changes one row.
    ///
    /// - Throws: ``StoreError`` `notFound` when it changed none.
    func executeOne(_ what: @autoclosure () -> String, _ query: PostgresQuery) async throws {
        guard try await self.execute(query) > 0 else { throw StoreError.notFound(what()) }
    }

    /// Locks a row until the transaction ends, also against new references to it.
    ///
    /// - Throws: ``StoreError`` `notFound`.
    func lock(_ table: String, id: Int, _ what: String) async throws {
        guard try await self.row("SELECT id FROM \(identifier: table) WHERE id = \(id) FOR UPDATE") != nil else {
            throw StoreError.notFound(what)
        }
    }

    /// The next ids of a table, ascending. Taking them beforehand ties them to the values that get them.
    func newIDs(_ count: Int, of table: String) async throws -> [Int] {
        guard count > 0 else { return [] }
        return try await self.rows(
            "SELECT nextval(pg_get_serial_sequence(\(table), 'id')) AS id FROM generate_series(1, \(count))"
        ).map { try $0["id"] }.sorted()
    }

    /// Takes a lock of the whole region, until the transaction ends.
    func lock(_ lock: AdvisoryLock) async throws {
        _ = try await self.rows("SELECT pg_advisory_xact_lock(\(lock.rawValue)) IS NULL AS locked")
    }
}
