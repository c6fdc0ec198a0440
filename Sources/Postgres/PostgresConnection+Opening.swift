// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The state of opening a connection: which servers are left to try.
struct ConnectionAttempt: Sendable {
    var parameters: ConnectionParameters?
    var candidates: [ConnectionParameters.Candidate] = []
    var current: ConnectionParameters.Candidate?
    /// When the current candidate is given up; `nil` when none is being tried.
    var deadline: ContinuousClock.Instant?
    /// When all is given up.
    var end: ContinuousClock.Instant?
    var failures: [String] = []
    /// Late answers of a resolver carry the number of the candidate that they were for.
    var number = 0
}

/// Finding a server and opening a session, without blocking.
extension PostgresConnection {
    /// Begins to connect. The outcome is an event.
    ///
    /// - Parameter preferred: The candidate to try first, because it worked last time.
    func open(_ parameters: ConnectionParameters, preferred: ConnectionParameters.Candidate?) {
        guard case .created = self.phase else { return }
        let candidates = parameters.candidates
        self.attempt.parameters = parameters
        self.attempt.candidates = candidates ?? []
        if let preferred, let index = self.attempt.candidates.firstIndex(where: { $0.host == preferred.host && $0.port == preferred.port }) {
            self.attempt.candidates.insert(self.attempt.candidates.remove(at: index), at: 0)
        }
        self.attempt.end = ContinuousClock.now + self.configuration.connectTimeout
        if candidates == nil {
            self.attempt.deadline = self.attempt.end
            self.start(parameters)
        } else {
            self.tryNext()
        }
    }

    private func tryNext() {
        let now = ContinuousClock.now
        guard let parameters = self.attempt.parameters, let end = self.attempt.end, now < end, !self.attempt.candidates.isEmpty else {
            return self.end(PostgresError(.connectionFailed, self.attempt.failures.joined(separator: "; ")))
        }
        let remaining = self.attempt.candidates.count
        let candidate = self.attempt.candidates.removeFirst()
        self.attempt.current = candidate
        self.attempt.number += 1
        // An equal share of the time that is left, so that a silent host leaves enough for the others.
        self.attempt.deadline = now + now.duration(to: end) / remaining
        guard candidate.mustResolve else { return self.start(parameters.with(candidate)) }
        self.phase = .resolving
        let number = self.attempt.number
        let isStarted = self.blockingCalls.run(name: "postgres-name") { [weak self, reactor] in
            let addresses = NameResolution.addresses(of: candidate.host)
            reactor.submit { self?.assumeIsolated { $0.resolved(candidate, number, addresses) } }
        }
        guard isStarted else { return self.attemptFailed("too many names are being resolved") }
        self.armTimer()
    }

    private func resolved(_ candidate: ConnectionParameters.Candidate, _ number: Int, _ addresses: [String]) {
        guard case .resolving = self.phase, self.attempt.number == number else { return }
        guard !addresses.isEmpty else { return self.attemptFailed("the name has no address") }
        // Each address is a candidate of its own.
        self.attempt.candidates.insert(
            contentsOf: addresses.map { .init(host: candidate.host, address: $0, port: candidate.port) },
            at: 0
        )
        self.tryNext()
    }

    private func start(_ parameters: ConnectionParameters) {
        var parameters = parameters
        parameters.setDefault("application_name", self.configuration.applicationName)
        // Text must be UTF-8 whatever the environment says.
        parameters.setDefault("client_encoding", "UTF8")
        // Kerberos negotiation does blocking look-ups; who wants it says so in the connection string.
        parameters.setDefault("gssencmode", "disable")
        // A peer that vanished is noticed in about half a minute, and in ten seconds when there is something to deliver.
        parameters.setDefault("keepalives_idle", "10")
        parameters.setDefault("keepalives_interval", "5")
        parameters.setDefault("keepalives_count", "3")
        parameters.setDefault("tcp_user_timeout", "10000")
        do {
            let libpq = try LibPQConnection(parameters)
            self.phase = .connecting(libpq)
            guard !libpq.hasFailed else { return self.attemptFailed(libpq.failureMessage) }
            try self.watchConnecting(libpq, .writable)
        } catch {
            return self.attemptFailed("\(error)")
        }
        self.armTimer()
    }

    private func watchConnecting(_ libpq: LibPQConnection, _ interest: EpollReactor.Interest) throws {
        if let watcher = self.watcher { self.reactor.unwatch(watcher) }
        self.watcher = nil
        // Registered anew each time: libpq may have closed the socket and got the same number for another one.
        self.watcher = try self.reactor.watch(libpq.socket, interest) { [weak self] _ in
            self?.assumeIsolated { $0.continueConnecting() }
        }
    }

    private func continueConnecting() {
        guard case .connecting(let libpq) = self.phase else { return }
        do {
            switch libpq.continueConnecting() {
            case .wantsToRead: try self.watchConnecting(libpq, .readable)
            case .wantsToWrite: try self.watchConnecting(libpq, .writable)
            case .done: try self.setUp(libpq)
            case .failed: self.attemptFailed(libpq.failureMessage)
            }
        } catch {
            self.attemptFailed("\(error)")
        }
    }

    func attemptFailed(_ reason: String) {
        let host = self.attempt.current.map { "\($0): " } ?? ""
        self.attempt.failures.append(host + reason)
        self.attempt.deadline = nil
        if let watcher = self.watcher { self.reactor.unwatch(watcher) }
        self.watcher = nil
        self.phase = .resolving
        self.tryNext()
    }

    /// Fixes the settings that decoding relies on, and the server's side of the deadlines.
    private func setUp(_ libpq: LibPQConnection) throws {
        if let watcher = self.watcher { self.reactor.unwatch(watcher) }
        self.watcher = nil
        guard libpq.enterPipeline() else { return self.attemptFailed(libpq.failureMessage) }
        self.phase = .settingUp(libpq)
        self.attempt.deadline = nil
        try self.watchSession(libpq)
        let timeout = self.configuration.statementTimeout.wholeMilliseconds
        let query: PostgresQuery = """
            SELECT set_config('statement_timeout', \(String(timeout)), false),
            set_config('idle_in_transaction_session_timeout', \(String(timeout * 2)), false),
            set_config('client_connection_check_interval', '2s', false), set_config('TimeZone', 'UTC', false),
            set_config('DateStyle', 'ISO, YMD', false), set_config('IntervalStyle', 'iso_8601', false),
            set_config('bytea_output', 'hex', false), set_config('extra_float_digits', '1', false)
            """
        self.send(query.unprepared(), timeout: self.configuration.connectTimeout) { [weak self] answer in
            self?.assumeIsolated { $0.isSetUp(answer) }
        }
    }

    private func isSetUp(_ answer: Result<PostgresResult, PostgresError>) {
        guard case .settingUp(let libpq) = self.phase else { return }
        switch answer {
        case .success:
            self.phase = .ready(libpq)
            self.report(.ready(self.attempt.current))
            self.attempt = ConnectionAttempt()
        case .failure(let error):
            self.end(PostgresError(.connectionFailed, "the session could not be set up", cause: error))
        }
    }
}

extension Duration {
    /// Whole milliseconds, at least 1: 0 means "no limit" to the server.
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = self.components
        return max(1, Int(clamping: seconds) * 1_000 + Int(clamping: attoseconds / 1_000_000_000_000_000))
    }
}
