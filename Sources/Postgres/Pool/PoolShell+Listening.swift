// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Logging

/// Who listens on which channel, and the one connection that does it for all of them.
struct Listening {
    typealias SubscriptionID = UInt64

    let configuration: PostgresConfiguration
    var subscribers: [String: [SubscriptionID: AsyncStream<String>.Continuation]] = [:]
    var connection: PostgresConnection?
    /// Channels whose LISTEN the server has confirmed on this connection.
    var confirmed: Set<String> = []
    var lastSubscription: SubscriptionID = 0
    var lastConnection = 0
    var failures = 0
    var retry: EpollReactor.Token?
    var probe: EpollReactor.Token?
    var isShutDown = false

    mutating func shutDown() {
        self.isShutDown = true
        for streams in self.subscribers.values {
            for stream in streams.values { stream.finish() }
        }
        self.subscribers = [:]
        self.connection?.assumeIsolated { $0.retire() }
        self.connection = nil
    }
}

extension PoolShell {
    /// The stream exists at once; LISTEN follows as soon as a connection allows.
    nonisolated func listen(_ channel: String) -> AsyncStream<String> {
        // A notification says "look again": when a reader is slow, the newest ones are as good as all of them.
        let (stream, continuation) = AsyncStream.makeStream(
            of: String.self,
            bufferingPolicy: .bufferingNewest(self.configuration.notificationBuffer)
        )
        self.reactor.submit { self.assumeIsolated { $0.subscribe(channel, continuation) } }
        return stream
    }

    private func subscribe(_ channel: String, _ continuation: AsyncStream<String>.Continuation) {
        guard !self.listening.isShutDown else { return continuation.finish() }
        self.listening.lastSubscription += 1
        let id = self.listening.lastSubscription
        self.listening.subscribers[channel, default: [:]][id] = continuation
        continuation.onTermination = { [weak self, reactor] _ in
            reactor.submit { self?.assumeIsolated { $0.unsubscribe(channel, id) } }
        }
        guard let connection = self.listening.connection else {
            if self.listening.retry == nil { self.openListener() }
            return
        }
        guard connection.assumeIsolated({ $0.isReady }) else { return }
        if self.listening.confirmed.contains(channel) {
            continuation.yield("")
        } else if self.listening.subscribers[channel]?.count == 1 {
            self.sendListen(channel, connection)
        }
    }

    private func unsubscribe(_ channel: String, _ id: Listening.SubscriptionID) {
        guard self.listening.subscribers[channel]?.removeValue(forKey: id) != nil else { return }
        guard self.listening.subscribers[channel]?.isEmpty == true else { return }
        self.listening.subscribers[channel] = nil
        self.listening.confirmed.remove(channel)
        if self.listening.subscribers.isEmpty {
            let connection = self.listening.connection
            self.listening.connection = nil
            connection?.assumeIsolated { $0.retire() }
        } else {
            self.listening.connection?.assumeIsolated { connection in
                let query: PostgresQuery = "UNLISTEN \(identifier: channel)"
                // Not heard: notifications without a subscriber are dropped anyway.
                connection.send(query.unprepared(), timeout: self.configuration.statementTimeout) { _ in }
            }
        }
    }

    // MARK: Connection

    private func openListener() {
        guard !self.listening.isShutDown, !self.listening.subscribers.isEmpty, self.listening.connection == nil else { return }
        self.listening.lastConnection += 1
        // Negative, to tell them from the pool's.
        let id = -self.listening.lastConnection
        let connection = self.makeConnection(id) { [weak self] event in
            self?.assumeIsolated { $0.listenerReported(event, id) }
        }
        self.listening.connection = connection
        self.listening.confirmed = []
        let (parameters, preferred) = (self.parameters, self.preferred)
        connection.assumeIsolated { $0.open(parameters, preferred: preferred) }
    }

    private func listenerReported(_ event: PostgresConnection.Event, _ id: Int) {
        guard let connection = self.listening.connection, connection.id == id else { return }
        switch event {
        case .ready:
            self.listening.failures = 0
            for channel in self.listening.subscribers.keys.sorted() { self.sendListen(channel, connection) }
            self.armProbe()
        case .notified(let channel, let payload):
            self.deliver(channel, payload)
        case .retiring:
            break
        case .ended(let error):
            self.listening.connection = nil
            guard !self.listening.isShutDown else { return }
            self.logger.debug("database listener ended", metadata: ["database.error": "\(error)"])
            self.scheduleListener()
        }
    }

    private func sendListen(_ channel: String, _ connection: PostgresConnection) {
        connection.assumeIsolated { isolated in
            let query: PostgresQuery = "LISTEN \(identifier: channel)"
            isolated.send(query.unprepared(), timeout: self.configuration.statementTimeout) { [weak self] answer in
                self?.assumeIsolated { $0.listenAnswered(channel, connection, answer) }
            }
        }
    }

    private func listenAnswered(_ channel: String, _ connection: PostgresConnection, _ answer: Result<PostgresResult, PostgresError>) {
        guard self.listening.connection === connection else { return }
        switch answer {
        case .success:
            guard self.listening.subscribers[channel] != nil else { return }
            self.listening.confirmed.insert(channel)
            // What happened before LISTEN was in force went unheard: look again.
            self.deliver(channel, "")
        case .failure(let error):
            self.logger.warning("LISTEN failed", metadata: ["database.channel": "\(channel)", "database.error": "\(error)"])
            // A standby refuses LISTEN, for example: try another server.
            connection.assumeIsolated { $0.retire() }
        }
    }

    private func deliver(_ channel: String, _ payload: String) {
        for (_, stream) in self.listening.subscribers[channel] ?? [:] { stream.yield(payload) }
    }

    private func scheduleListener() {
        let pause = min(
            self.configuration.backoffMaximum,
            self.configuration.backoffMinimum * (1 << min(self.listening.failures, 16))
        )
        self.listening.failures += 1
        self.listening.retry = self.reactor.arm(at: ContinuousClock.now + pause * Double.random(in: 0.5...1)) { [weak self] in
            self?.assumeIsolated { shell in
                shell.listening.retry = nil
                shell.openListener()
            }
        }
    }

    /// A listener sends nothing by itself, so it would never notice that its peer is gone.
    private func armProbe() {
        if let probe = self.listening.probe { self.reactor.disarm(probe) }
        self.listening.probe = self.reactor.arm(at: ContinuousClock.now + self.configuration.probeInterval) { [weak self] in
            self?.assumeIsolated { shell in
                shell.listening.probe = nil
                guard let connection = shell.listening.connection else { return }
                connection.assumeIsolated { $0.send("SELECT 1", timeout: shell.configuration.connectTimeout) { _ in } }
                shell.armProbe()
            }
        }
    }
}
