// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Logging

/// Carries out what ``PoolCore`` decides. Lives on the same reactor as its connections, so it calls them without waiting.
actor PoolShell {
    /// The right to use a connection until it is given back.
    struct Lease: Sendable {
        let connection: PostgresConnection
        let mode: PoolCore.Mode
    }

    let configuration: PostgresConfiguration
    let parameters: ConnectionParameters
    let blockingCalls: BlockingCalls
    let logger: Logger
    nonisolated let reactor: EpollReactor

    private var core: PoolCore
    private var connections: [PoolCore.ConnectionID: PostgresConnection] = [:]
    private var waiters: [PoolCore.WaiterID: CheckedContinuation<Lease, any Error>] = [:]
    private var modes: [PoolCore.WaiterID: PoolCore.Mode] = [:]
    private var lastWaiter: PoolCore.WaiterID = 0
    private var timer: (token: EpollReactor.Token, due: ContinuousClock.Instant)?
    private var lastFailure: PostgresError?
    /// Where a server was found last: tried first next time.
    var preferred: ConnectionParameters.Candidate?
    private var pauses: [UInt64: CheckedContinuation<Void, Never>] = [:]
    private var lastPause: UInt64 = 0
    private var atEnd: [CheckedContinuation<Void, Never>] = []
    lazy var listening = Listening(configuration: self.configuration)

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe self.reactor.asUnownedSerialExecutor() }

    init(
        configuration: PostgresConfiguration,
        parameters: ConnectionParameters,
        reactor: EpollReactor,
        seed: UInt64,
        logger: Logger
    ) {
        self.configuration = configuration
        self.parameters = parameters
        self.reactor = reactor
        self.logger = logger
        self.blockingCalls = BlockingCalls(limit: configuration.maximumConnections + 4)
        self.core = PoolCore(configuration: configuration, seed: seed)
    }

    var isShutDown: Bool { self.core.isShutDown }

    // MARK: Leases

    func acquire(_ mode: PoolCore.Mode) async throws -> Lease {
        self.lastWaiter += 1
        let id = self.lastWaiter
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.waiters[id] = continuation
                self.modes[id] = mode
                self.handle(.requested(id, mode, deadline: ContinuousClock.now + self.configuration.acquireTimeout))
            }
        } onCancel: {
            self.reactor.submit { self.assumeIsolated { $0.withdraw(id) } }
        }
    }

    private func withdraw(_ id: PoolCore.WaiterID) {
        // Granted already: the holder will notice the cancellation by itself.
        guard let continuation = self.takeWaiter(id)?.continuation else { return }
        self.handle(.withdrawn(id))
        continuation.resume(throwing: CancellationError())
    }

    private func takeWaiter(_ id: PoolCore.WaiterID) -> (continuation: CheckedContinuation<Lease, any Error>, mode: PoolCore.Mode)? {
        guard let continuation = self.waiters.removeValue(forKey: id), let mode = self.modes.removeValue(forKey: id) else { return nil }
        return (continuation, mode)
    }

    /// Gives a connection back, from anywhere, also from a cancelled task.
    nonisolated func release(_ lease: Lease) {
        self.reactor.submit { self.assumeIsolated { $0.takeBack(lease) } }
    }

    /// Gives a connection back that must not be used again, because its session was changed.
    nonisolated func discard(_ lease: Lease) {
        self.reactor.submit {
            self.assumeIsolated { shell in
                lease.connection.assumeIsolated { $0.retire() }
                shell.takeBack(lease)
            }
        }
    }

    private func takeBack(_ lease: Lease) {
        let isReusable = lease.connection.assumeIsolated { lease.mode == .exclusive ? $0.isClean : $0.isReady }
        self.handle(.released(lease.connection.id, lease.mode, isReusable: isReusable))
    }

    /// Runs one query on any connection.
    func run(_ query: PostgresQuery, mode: PoolCore.Mode, timeout: Duration) async throws -> PostgresResult {
        var hasRetried = false
        while true {
            let lease = try await self.acquireReady(mode)
            defer { self.takeBack(lease) }
            do {
                return try await lease.connection.run(query, timeout: timeout)
            } catch let error as PostgresError where error.code == .stalePlan && !hasRetried {
                // The server refused before it executed anything.
                hasRetried = true
            }
        }
    }

    /// A lease of a connection that was alive a moment ago. One may die between the grant and its use.
    func acquireReady(_ mode: PoolCore.Mode) async throws -> Lease {
        for _ in 0..<self.configuration.maximumConnections {
            let lease = try await self.acquire(mode)
            if self.isReady(lease) { return lease }
            self.takeBack(lease)
        }
        throw PostgresError(.connectionLost, "connections end as soon as they are opened", cause: self.lastFailure)
    }

    private func isReady(_ lease: Lease) -> Bool {
        lease.connection.assumeIsolated { $0.isReady }
    }

    /// Waits without blocking; returns early when the pool is shut down.
    func pause(_ duration: Duration) async {
        guard !self.core.isShutDown else { return }
        await withCheckedContinuation { continuation in
            self.lastPause += 1
            let id = self.lastPause
            self.pauses[id] = continuation
            _ = self.reactor.arm(at: ContinuousClock.now + duration) { [weak self] in
                self?.assumeIsolated { $0.pauses.removeValue(forKey: id)?.resume() }
            }
        }
    }

    // MARK: Core

    private func handle(_ event: PoolCore.Event) {
        // Carrying out an effect never calls back into this method at once: connections report through the reactor.
        for effect in self.core.handle(event, now: ContinuousClock.now) { self.perform(effect) }
        self.armTimer()
        self.finishIfOver()
    }

    private func perform(_ effect: PoolCore.Effect) {
        switch effect {
        case .connect(let id):
            let connection = self.makeConnection(id) { [weak self] event in
                self?.assumeIsolated { $0.connectionReported(event, id) }
            }
            self.connections[id] = connection
            let (parameters, preferred) = (self.parameters, self.preferred)
            connection.assumeIsolated { $0.open(parameters, preferred: preferred) }
        case .grant(let waiter, let id):
            guard let (continuation, mode) = self.takeWaiter(waiter) else { return }
            guard let connection = self.connections[id] else {
                continuation.resume(throwing: PostgresError(.connectionLost, "the connection ended"))
                return
            }
            continuation.resume(returning: Lease(connection: connection, mode: mode))
        case .refuse(let waiter, let reason):
            self.takeWaiter(waiter)?.continuation.resume(throwing: self.refusal(reason))
        case .close(let id):
            self.connections[id]?.assumeIsolated { $0.retire() }
        case .probe(let id):
            // Nobody waits for the answer; a missing one ends the connection at the deadline.
            self.connections[id]?.assumeIsolated { $0.send("SELECT 1", timeout: self.configuration.connectTimeout) { _ in } }
        }
    }

    private func refusal(_ reason: PoolCore.Refusal) -> PostgresError {
        switch reason {
        case .shutDown:
            return PostgresError(.poolClosed, "the pool has been shut down")
        case .queueFull:
            return PostgresError(.poolExhausted, "\(self.configuration.maximumWaiters) callers are waiting for a connection already")
        case .timedOut:
            if self.core.consecutiveFailures > 0, let cause = self.lastFailure {
                return PostgresError(.connectionFailed, "no connection within \(self.configuration.acquireTimeout)", cause: cause)
            }
            return PostgresError(
                .poolExhausted,
                "none of \(self.configuration.maximumConnections) connections became free within \(self.configuration.acquireTimeout)"
            )
        }
    }

    func makeConnection(_ id: Int, _ events: @escaping @Sendable (PostgresConnection.Event) -> Void) -> PostgresConnection {
        PostgresConnection(
            id: id,
            reactor: self.reactor,
            configuration: self.configuration,
            blockingCalls: self.blockingCalls,
            events: events
        )
    }

    private func connectionReported(_ event: PostgresConnection.Event, _ id: PoolCore.ConnectionID) {
        switch event {
        case .ready(let candidate):
            if self.core.consecutiveFailures > 0 {
                self.logger.notice("database reachable again", metadata: ["database.host": "\(candidate.map(String.init(describing:)) ?? "-")"])
            }
            if let candidate { self.preferred = candidate }
            self.handle(.connected(id))
        case .retiring:
            self.handle(.retiring(id))
        case .ended(let error):
            self.connections[id] = nil
            self.connectionEnded(error, wasOpening: self.core.slots[id] == .connecting)
            self.handle(.ended(id))
        case .notified:
            // Only the listener's connection listens.
            break
        }
    }

    private func connectionEnded(_ error: PostgresError, wasOpening: Bool) {
        guard !self.core.isShutDown else { return }
        self.lastFailure = error
        guard wasOpening else {
            self.logger.debug("database connection ended", metadata: ["database.error": "\(error)"])
            return
        }
        // Once per outage; the attempts that follow are details.
        let level: Logger.Level = self.core.consecutiveFailures == 0 ? .warning : .debug
        self.logger.log(level: level, "database unreachable", metadata: ["database.error": "\(error)"])
    }

    private func armTimer() {
        guard let due = self.core.nextDeadline else { return }
        if let timer = self.timer {
            guard timer.due > due else { return }
            self.reactor.disarm(timer.token)
        }
        let token = self.reactor.arm(at: due) { [weak self] in
            self?.assumeIsolated { shell in
                shell.timer = nil
                shell.handle(.timePassed)
            }
        }
        self.timer = (token, due)
    }

    // MARK: Life

    func health() -> PostgresPoolHealth {
        var health = PostgresPoolHealth()
        for slot in self.core.slots.values {
            switch slot {
            case .idle: health.idle += 1
            case .shared, .exclusive: health.busy += 1
            case .connecting: health.connecting += 1
            case .closing: break
            }
        }
        health.waiting = self.core.waiters.count
        health.consecutiveFailures = self.core.consecutiveFailures
        health.lastError = self.core.consecutiveFailures > 0 ? self.lastFailure : nil
        return health
    }

    /// Ends everything at once: what is in flight fails.
    func shutDown() async {
        self.beginShutDown()
        guard !self.connections.isEmpty else { return }
        await withCheckedContinuation { self.atEnd.append($0) }
    }

    func beginShutDown() {
        guard !self.core.isShutDown else { return }
        self.listening.shutDown()
        for continuation in self.pauses.values { continuation.resume() }
        self.pauses = [:]
        self.handle(.shutDown)
        for connection in self.connections.values {
            connection.assumeIsolated { $0.end(PostgresError(.poolClosed, "the pool has been shut down")) }
        }
    }

    private func finishIfOver() {
        guard self.core.isShutDown, self.connections.isEmpty else { return }
        if let timer = self.timer { self.reactor.disarm(timer.token) }
        self.timer = nil
        for continuation in self.atEnd { continuation.resume() }
        self.atEnd = []
    }
}
