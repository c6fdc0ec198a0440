// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Logging
internal import Synchronization

/// What queries can be run on: the pool, a transaction, a session.
public protocol PostgresExecutor: Sendable {
    /// Runs a statement and returns its rows.
    func query(_ query: PostgresQuery) async throws -> [PostgresRow]
    /// Runs a statement and returns how many rows it touched.
    @discardableResult func execute(_ query: PostgresQuery) async throws -> Int
}

extension PostgresExecutor {
    /// The first row, if there is one.
    public func queryFirst(_ query: PostgresQuery) async throws -> PostgresRow? {
        try await self.query(query).first
    }
}

/// The state of a pool, for health checks and metrics.
public struct PostgresPoolHealth: Sendable {
    /// Connections that nobody uses.
    public var idle = 0
    /// Connections in use.
    public var busy = 0
    /// Connections being opened.
    public var connecting = 0
    /// Callers waiting for a connection.
    public var waiting = 0
    /// Attempts to connect that failed since the last success.
    public var consecutiveFailures = 0
    /// Why the last of them failed.
    public var lastError: PostgresError?
}

/// A bounded set of connections to one database, opened when needed and replaced when lost.
///
/// All methods throw ``PostgresError``, or `CancellationError` when the calling task is cancelled.
public final class PostgresPool: PostgresExecutor {
    private let shell: PoolShell
    private let reactor: EpollReactor
    private let configuration: PostgresConfiguration

    /// Starts the pool's thread. Nothing is connected yet.
    ///
    /// - Throws: ``PostgresError`` with code `connectionFailed` when the configuration cannot work.
    public init(_ configuration: PostgresConfiguration, logger: Logger) throws {
        if let problem = configuration.problem { throw PostgresError(.connectionFailed, problem) }
        let parameters = try ConnectionParameters(configuration.connection)
        let reactor = try EpollReactor(name: "postgres")
        self.reactor = reactor
        self.configuration = configuration
        self.shell = PoolShell(
            configuration: configuration,
            parameters: parameters,
            reactor: reactor,
            seed: UInt64.random(in: .min ... .max),
            logger: logger
        )
    }

    deinit {
        let (shell, reactor) = (self.shell, self.reactor)
        reactor.submit { shell.assumeIsolated { $0.beginShutDown() } }
        reactor.requestShutdown()
    }

    // MARK: Queries

    /// Runs a statement and returns its rows. When no connection is idle it is sent behind others on the same connection, so it may
    /// wait for them; an error in one does not touch the others.
    public func query(_ query: PostgresQuery) async throws -> [PostgresRow] {
        try await self.query(query, timeout: self.deadline)
    }

    /// Like ``query(_:)``, with a deadline of its own. A longer one than the configuration's has no effect on the server.
    public func query(_ query: PostgresQuery, timeout: Duration) async throws -> [PostgresRow] {
        try await self.shell.run(query, mode: .shared, timeout: timeout).rows
    }

    /// Runs a statement on a connection that nobody else uses meanwhile, and returns how many rows it touched.
    @discardableResult
    public func execute(_ query: PostgresQuery) async throws -> Int {
        try await self.shell.run(query, mode: .exclusive, timeout: self.deadline).rowsAffected
    }

    /// The server's own limit comes first; ours is for a server that does not answer at all.
    private var deadline: Duration { self.configuration.statementTimeout + self.configuration.cancelGrace }

    // MARK: Scopes

    /// Runs `body` in a transaction: COMMIT when it returns, ROLLBACK when it throws.
    ///
    /// After a serialization failure or a deadlock everything is rolled back and `body` runs again, so it must have no effects
    /// outside the transaction. When the connection is lost during COMMIT the outcome is unknown (`connectionLost`).
    ///
    /// - Parameter retries: How often `body` may run again.
    @discardableResult
    public func transaction<Value>(
        isolation: PostgresIsolation = .readCommitted,
        retries: Int = 5,
        _ body: (PostgresTransaction) async throws -> Value
    ) async throws -> Value {
        var attempt = 0
        while true {
            do {
                return try await self.attempt(isolation, body)
            } catch let error as PostgresError where error.allowsTransactionRetry && attempt < retries {
                attempt += 1
                // Rivals that failed together must not meet again in step.
                await self.shell.pause(.milliseconds(1) * Double.random(in: 0.5...Double(4 << min(attempt, 6))))
                try Task.checkCancellation()
            }
        }
    }

    private func attempt<Value>(
        _ isolation: PostgresIsolation,
        _ body: (PostgresTransaction) async throws -> Value
    ) async throws -> Value {
        let lease = try await self.begin(isolation)
        let transaction = PostgresTransaction(scope: PostgresScope(lease.connection), timeout: self.deadline)
        let value: Value
        do {
            value = try await body(transaction)
            transaction.scope.end()
            try Task.checkCancellation()
        } catch {
            transaction.scope.end()
            await self.rollBack(lease)
            throw error
        }
        do {
            // Not cancellable: giving up in the middle would only hide the outcome.
            let result = try await lease.connection.run("COMMIT", timeout: self.deadline, isCancellable: false)
            self.shell.release(lease)
            guard result.command == "COMMIT" else {
                throw PostgresError(.transactionAborted, "COMMIT was answered by \(result.command): a statement before it had failed")
            }
            return value
        } catch {
            self.shell.release(lease)
            throw error
        }
    }

    /// BEGIN on a connection of our own. A connection that turns out to be dead is replaced: nothing has happened on it.
    private func begin(_ isolation: PostgresIsolation) async throws -> PoolShell.Lease {
        var attempt = 0
        while true {
            let lease = try await self.shell.acquireReady(.exclusive)
            do {
                _ = try await lease.connection.run(isolation.begin, timeout: self.deadline)
                return lease
            } catch {
                self.shell.release(lease)
                attempt += 1
                let isLost = (error as? PostgresError)?.code == .connectionLost
                guard isLost, attempt <= self.configuration.maximumConnections else { throw error }
            }
        }
    }

    private func rollBack(_ lease: PoolShell.Lease) async {
        // A cancelled task does not wait: the connection is closed, which rolls back as well. So it is when ROLLBACK fails.
        guard !Task.isCancelled else { return self.shell.discard(lease) }
        do {
            _ = try await lease.connection.run("ROLLBACK", timeout: self.deadline, isCancellable: false)
            self.shell.release(lease)
        } catch {
            self.shell.discard(lease)
        }
    }

    /// Runs `body` with a connection of its own, for what lives in a session: advisory locks, settings. Afterwards the connection is
    /// closed, so nothing of it reaches another user.
    @discardableResult
    public func withSession<Value>(_ body: (PostgresSession) async throws -> Value) async throws -> Value {
        let lease = try await self.shell.acquireReady(.exclusive)
        let session = PostgresSession(scope: PostgresScope(lease.connection), timeout: self.deadline)
        defer {
            session.scope.end()
            self.shell.discard(lease)
        }
        return try await body(session)
    }

    // MARK: Notifications

    /// The payloads that are sent to a channel by NOTIFY, on a connection that serves all channels of this pool.
    ///
    /// Yields `""` once LISTEN is in force and once after every reconnect. Every element says no more than "look again": when the
    /// reader is slow, older ones are dropped. Ends when the pool shuts down.
    ///
    /// - Parameter channel: 1 to 63 bytes.
    public func listen(_ channel: String) -> AsyncStream<String> {
        precondition((1...63).contains(channel.utf8.count), "a channel name has 1 to 63 bytes, not \(channel.utf8.count)")
        return self.shell.listen(channel)
    }

    /// Notifies a channel. In a transaction, use `SELECT pg_notify(channel, payload)`, which takes effect at COMMIT.
    public func notify(_ channel: String, _ payload: String = "") async throws {
        _ = try await self.execute("SELECT pg_notify(\(channel), \(payload))")
    }

    // MARK: Life

    /// What the pool is doing now.
    public func health() async -> PostgresPoolHealth {
        await self.shell.health()
    }

    /// Closes everything. Callers that wait and queries in flight fail with `poolClosed`. May be called twice.
    public func shutdown() async {
        await self.shell.shutDown()
        await self.reactor.shutdown()
    }
}
