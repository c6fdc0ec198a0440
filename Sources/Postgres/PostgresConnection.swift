// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// One session with a server, in pipeline mode, on the thread of its reactor.
///
/// Queries wait for their answers in a FIFO; each has a sync of its own, so an error in one does not touch the others. What
/// happens to the connection as a whole is told through `events`, on the reactor, never from inside a call of the owner.
actor PostgresConnection {
    /// What the owner must know.
    enum Event: Sendable {
        /// Queries are accepted. The candidate is where the server was found.
        case ready(ConnectionParameters.Candidate?)
        /// No more queries are accepted; the end follows.
        case retiring
        /// The end, once.
        case ended(PostgresError)
        case notified(channel: String, payload: String)
    }

    typealias Completion = @Sendable (Result<PostgresResult, PostgresError>) -> Void

    /// A query that was sent and has not been answered in full.
    struct Pending {
        let id: UInt64
        let deadline: ContinuousClock.Instant
        /// `nil` once the caller has been answered (cancelled).
        var completion: Completion?
        let statement: (key: PreparedStatements.Key, name: String)?
        /// The server's first answer will be about PREPARE.
        var awaitsPrepare: Bool
        var result: PostgresResult?
        var failure: PostgresError?
        var failedToPrepare = false
    }

    enum Phase {
        case created
        case resolving
        case connecting(LibPQConnection)
        case settingUp(LibPQConnection)
        case ready(LibPQConnection)
        /// Accepts nothing more; ends when the last answer is in, or when time is up.
        case retiring(LibPQConnection)
        case ended(PostgresError)
    }

    nonisolated let id: Int
    nonisolated let reactor: EpollReactor
    let configuration: PostgresConfiguration
    let blockingCalls: BlockingCalls
    private let events: @Sendable (Event) -> Void

    var phase = Phase.created
    var pending: [Pending] = []
    var statements: PreparedStatements
    var lastQuery: UInt64 = 0
    var watcher: EpollReactor.Token?
    var timer: (token: EpollReactor.Token, due: ContinuousClock.Instant)?
    var graceEnds: ContinuousClock.Instant?
    /// Opening: what is left to try, until when, and why the earlier ones failed.
    var attempt = ConnectionAttempt()

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe self.reactor.asUnownedSerialExecutor() }

    init(
        id: Int,
        reactor: EpollReactor,
        configuration: PostgresConfiguration,
        blockingCalls: BlockingCalls,
        events: @escaping @Sendable (Event) -> Void
    ) {
        self.id = id
        self.reactor = reactor
        self.configuration = configuration
        self.blockingCalls = blockingCalls
        self.statements = PreparedStatements(limit: configuration.preparedStatementLimit)
        self.events = events
    }

    var isReady: Bool { if case .ready = self.phase { true } else { false } }

    var libpq: LibPQConnection? {
        switch self.phase {
        case .connecting(let libpq), .settingUp(let libpq), .ready(let libpq), .retiring(let libpq): libpq
        case .created, .resolving, .ended: nil
        }
    }

    /// Whether the next user finds a session in its initial state: nothing in flight, no transaction left open.
    var isClean: Bool {
        guard case .ready(let libpq) = self.phase else { return false }
        return self.pending.isEmpty && libpq.transactionStatus == .idle
    }

    func report(_ event: Event) {
        let events = self.events
        self.reactor.submit { events(event) }
    }

    // MARK: Queries

    /// Sends a query and waits for its answer.
    ///
    /// - Throws: ``PostgresError``, or `CancellationError` when the task is cancelled; the statement may run to its end then.
    func run(_ query: PostgresQuery, timeout: Duration, isCancellable: Bool = true) async throws -> PostgresResult {
        self.lastQuery += 1
        let id = self.lastQuery
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.send(query, id: id, timeout: timeout) { continuation.resume(with: $0.mapError(\.forCaller)) }
            }
        } onCancel: {
            guard isCancellable else { return }
            self.reactor.submit { self.assumeIsolated { $0.abandon(id) } }
        }
    }

    /// Sends a query; the answer comes through `completion`, on the reactor.
    func send(_ query: PostgresQuery, timeout: Duration, _ completion: @escaping Completion) {
        self.lastQuery += 1
        self.send(query, id: self.lastQuery, timeout: timeout, completion)
    }

    private func send(_ query: PostgresQuery, id: UInt64, timeout: Duration, _ completion: @escaping Completion) {
        let libpq: LibPQConnection
        switch self.phase {
        case .ready(let open), .settingUp(let open): libpq = open
        case .ended(let error): return completion(.failure(error))
        case .created, .resolving, .connecting, .retiring:
            return completion(.failure(PostgresError(.connectionLost, "the connection takes no more queries")))
        }
        let (sql, parameters) = (query.sql, query.parameters)
        if let problem = Self.problem(sql, parameters) { return completion(.failure(PostgresError(.invalidParameter, problem))) }
        let deadline = ContinuousClock.now + timeout
        var isSent = self.deallocateRetired(libpq, deadline: deadline)
        if query.isPrepared {
            let types = parameters.map(\.type)
            let key = PreparedStatements.Key(sql: sql, types: types)
            let (name, isNew) = self.statements.use(key)
            if isNew { isSent = isSent && libpq.sendPrepare(name: name, sql: sql, types: types) }
            isSent = isSent && libpq.sendPrepared(name: name, parameters)
            self.pending.append(
                Pending(id: id, deadline: deadline, completion: completion, statement: (key, name), awaitsPrepare: isNew)
            )
        } else {
            isSent = isSent && libpq.sendUnprepared(sql: sql, parameters)
            self.pending.append(Pending(id: id, deadline: deadline, completion: completion, statement: nil, awaitsPrepare: false))
        }
        isSent = isSent && libpq.sendSync()
        guard isSent else { return self.end(self.lost(libpq)) }
        self.flush(libpq)
        self.armTimer()
    }

    /// Why a query cannot be sent at all.
    private static func problem(_ sql: String, _ parameters: [PostgresValue]) -> String? {
        // The protocol counts parameters in 16 bits.
        guard parameters.count <= 65_535 else { return "the query has \(parameters.count) parameters, at most 65535 are possible" }
        guard !sql.utf8.contains(0) else { return "the text of the query has a NUL byte" }
        for (index, parameter) in parameters.enumerated() {
            guard let bytes = parameter.bytes else { continue }
            guard bytes.count < 1 << 30 else { return "parameter \(index + 1) has \(bytes.count) bytes, the server takes less than 1 GiB" }
            guard parameter.format == .binary || !bytes.contains(0) else { return "parameter \(index + 1) is text with a NUL byte" }
        }
        return nil
    }

    /// Tells the server to forget statements that fell out of the cache, each behind a sync of its own.
    private func deallocateRetired(_ libpq: LibPQConnection, deadline: ContinuousClock.Instant) -> Bool {
        // In a failed transaction the server would refuse.
        guard !self.statements.retired.isEmpty, libpq.transactionStatus != .inFailedTransaction else { return true }
        for name in self.statements.takeRetired() {
            self.lastQuery += 1
            let restore: Completion = { [weak self] answer in
                // Refused only because of a failed transaction: to be tried again later.
                guard case .failure(let error) = answer, error.code == .sqlState("25P02") else { return }
                self?.assumeIsolated { $0.statements.restore(name) }
            }
            self.pending.append(
                Pending(id: self.lastQuery, deadline: deadline, completion: restore, statement: nil, awaitsPrepare: false)
            )
            let isSent = libpq.sendUnprepared(sql: "DEALLOCATE \(quotedIdentifier(name))", []) && libpq.sendSync()
            guard isSent else { return false }
        }
        return true
    }

    private func abandon(_ id: UInt64) {
        guard let index = self.pending.firstIndex(where: { $0.id == id }), let completion = self.pending[index].completion else { return }
        self.pending[index].completion = nil
        completion(.failure(PostgresError.cancelled))
    }

    // MARK: The end

    /// Accepts no more queries, and ends when those in flight are answered. If nobody waits for them, they are cancelled.
    func retire() {
        switch self.phase {
        case .ready(let libpq):
            self.phase = .retiring(libpq)
            if self.pending.isEmpty {
                self.end(PostgresError(.connectionLost, "the connection was closed"))
            } else if self.pending.allSatisfy({ $0.completion == nil }) {
                self.cancelStatement(libpq)
            }
        case .created, .resolving, .connecting, .settingUp:
            self.end(PostgresError(.connectionLost, "the connection was closed"))
        case .retiring, .ended:
            break
        }
    }

    /// Ends now: what is in flight fails with `error`.
    func end(_ error: PostgresError) {
        if case .ended = self.phase { return }
        if let watcher = self.watcher { self.reactor.unwatch(watcher) }
        if let timer = self.timer { self.reactor.disarm(timer.token) }
        (self.watcher, self.timer) = (nil, nil)
        let pending = self.pending
        self.pending = []
        self.phase = .ended(error)
        let now = ContinuousClock.now
        for query in pending {
            // What had its own deadline behind it says so; the rest was only in the way.
            let isLate = query.deadline <= now
            query.completion?(.failure(query.failure ?? (isLate ? Self.late : error)))
        }
        self.report(.ended(error))
    }

    static var late: PostgresError { PostgresError(.timeout, "the server did not answer before the deadline") }

    func lost(_ libpq: LibPQConnection) -> PostgresError {
        PostgresError(.connectionLost, libpq.failureMessage)
    }
}

extension PostgresError {
    /// Stands for a cancelled task until it reaches the task's own code, which gets `CancellationError`.
    static var cancelled: PostgresError { PostgresError(.timeout, "the task was cancelled", cause: CancellationError()) }

    var forCaller: any Error {
        self.cause is CancellationError ? CancellationError() : self
    }
}
