// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// How much a transaction sees of others (PostgreSQL manual, 13.2).
public enum PostgresIsolation: Sendable, Hashable {
    /// Each statement sees what was committed before it.
    case readCommitted
    /// All statements see what was committed before the first; conflicting updates fail and are retried.
    case repeatableRead
    /// As if transactions ran one after another; conflicts fail and are retried.
    case serializable

    var begin: PostgresQuery {
        switch self {
        case .readCommitted: "BEGIN ISOLATION LEVEL READ COMMITTED"
        case .repeatableRead: "BEGIN ISOLATION LEVEL REPEATABLE READ"
        case .serializable: "BEGIN ISOLATION LEVEL SERIALIZABLE"
        }
    }
}

/// A connection that is ours until the scope ends.
final class PostgresScope: Sendable {
    private let connection: PostgresConnection
    private let isOver = Atomic<Bool>(false)

    init(_ connection: PostgresConnection) {
        self.connection = connection
    }

    func end() {
        self.isOver.store(true, ordering: .releasing)
    }

    func run(_ query: PostgresQuery, timeout: Duration) async throws -> PostgresResult {
        precondition(!self.isOver.load(ordering: .acquiring), "a transaction or session was used after its closure had ended")
        return try await self.connection.run(query, timeout: timeout)
    }
}

/// A transaction in progress. Valid inside the closure that it was given to.
public struct PostgresTransaction: PostgresExecutor {
    let scope: PostgresScope
    let timeout: Duration

    /// Runs a statement and returns its rows.
    public func query(_ query: PostgresQuery) async throws -> [PostgresRow] {
        try await self.scope.run(query, timeout: self.timeout).rows
    }

    /// Runs a statement and returns how many rows it touched.
    @discardableResult
    public func execute(_ query: PostgresQuery) async throws -> Int {
        try await self.scope.run(query, timeout: self.timeout).rowsAffected
    }
}

/// A connection with session state of its own. Valid inside the closure that it was given to.
public struct PostgresSession: PostgresExecutor {
    let scope: PostgresScope
    let timeout: Duration

    /// Runs a statement and returns its rows.
    public func query(_ query: PostgresQuery) async throws -> [PostgresRow] {
        try await self.query(query, timeout: self.timeout)
    }

    /// Like ``query(_:)`` with a deadline of its own; for a longer one, `SET statement_timeout` first.
    public func query(_ query: PostgresQuery, timeout: Duration) async throws -> [PostgresRow] {
        try await self.scope.run(query, timeout: timeout).rows
    }

    /// Runs a statement and returns how many rows it touched.
    @discardableResult
    public func execute(_ query: PostgresQuery) async throws -> Int {
        try await self.execute(query, timeout: self.timeout)
    }

    /// Like ``execute(_:)`` with a deadline of its own; for a longer one, `SET statement_timeout` first.
    @discardableResult
    public func execute(_ query: PostgresQuery, timeout: Duration) async throws -> Int {
        try await self.scope.run(query, timeout: timeout).rowsAffected
    }
}
