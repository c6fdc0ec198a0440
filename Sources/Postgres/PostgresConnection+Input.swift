// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What the reactor tells an open connection: readable, writable, time is up.
extension PostgresConnection {
    func watchSession(_ libpq: LibPQConnection) throws {
        self.watcher = try self.reactor.watch(libpq.socket, .readable) { [weak self] seen in
            self?.assumeIsolated { $0.sessionIsReady(seen) }
        }
    }

    func flush(_ libpq: LibPQConnection) {
        guard let isFlushed = libpq.flush() else { return self.end(self.lost(libpq)) }
        guard let watcher = self.watcher else { return }
        do {
            try self.reactor.update(watcher, isFlushed ? .readable : [.readable, .writable])
        } catch {
            self.end(PostgresError(.connectionLost, "the socket cannot be watched", cause: error))
        }
    }

    private func sessionIsReady(_ seen: EpollReactor.Interest) {
        guard let libpq = self.libpq else { return }
        if !seen.isDisjoint(with: [.readable, .failed]) {
            let isAlive = libpq.consumeInput()
            self.takeResults(libpq)
            for (channel, payload) in libpq.notifications() { self.report(.notified(channel: channel, payload: payload)) }
            guard isAlive, !libpq.hasFailed else { return self.end(self.lost(libpq)) }
        }
        if case .ended = self.phase { return }
        self.flush(libpq)
    }

    private func takeResults(_ libpq: LibPQConnection) {
        // A pipeline answers nil once between two commands; more of them mean that libpq has nothing more to give.
        var gaps = 0
        while !self.pending.isEmpty, gaps < 3, !libpq.isBusy {
            guard let result = libpq.nextResult() else {
                gaps += 1
                continue
            }
            gaps = 0
            switch result {
            case .complete(let answer):
                if self.pending[0].awaitsPrepare {
                    self.pending[0].awaitsPrepare = false
                } else {
                    self.pending[0].result = answer
                }
            case .failed(let fields):
                if self.pending[0].awaitsPrepare { self.pending[0].failedToPrepare = true }
                if self.pending[0].failure == nil { self.pending[0].failure = PostgresError(server: fields) }
            case .skipped:
                break
            case .sync:
                self.finish(self.pending.removeFirst())
            case .unsupported(let status):
                return self.end(PostgresError(.connectionLost, "the server answered \(status), which has no place in a pipeline"))
            }
            if case .ended = self.phase { return }
        }
        if self.pending.isEmpty, case .retiring = self.phase {
            self.end(PostgresError(.connectionLost, "the connection was closed"))
        }
    }

    private func finish(_ query: Pending) {
        if let failure = query.failure {
            if let statement = query.statement {
                if query.failedToPrepare {
                    self.statements.forget(statement.key, name: statement.name, isOnServer: false)
                } else if failure.code == .stalePlan {
                    // 26000 says that the server does not know the name; a changed schema leaves it there.
                    self.statements.forget(statement.key, name: statement.name, isOnServer: true)
                }
            }
            if failure.code == .readOnlyServer { self.stopAccepting() }
            query.completion?(.failure(failure))
        } else if let result = query.result {
            query.completion?(.success(result))
        } else {
            query.completion?(.failure(PostgresError(.connectionLost, "the server answered nothing")))
        }
    }

    /// The pool must not give this connection out any more; what is in flight is still answered.
    private func stopAccepting() {
        guard case .ready(let libpq) = self.phase else { return }
        self.phase = .retiring(libpq)
        self.report(.retiring)
    }

    // MARK: Deadlines

    /// One timer for the connection, due at the earliest deadline.
    func armTimer() {
        let due = self.graceEnds ?? self.attempt.deadline ?? self.pending.map(\.deadline).min()
        guard let due else { return }
        if let timer = self.timer {
            // An early timer finds nothing late and arms itself again.
            guard timer.due > due else { return }
            self.reactor.disarm(timer.token)
        }
        let token = self.reactor.arm(at: due) { [weak self] in
            self?.assumeIsolated { $0.timerFired() }
        }
        self.timer = (token, due)
    }

    private func timerFired() {
        self.timer = nil
        let now = ContinuousClock.now
        switch self.phase {
        case .created, .ended:
            return
        case .resolving, .connecting:
            guard let deadline = self.attempt.deadline, deadline <= now else { break }
            self.attemptFailed("no answer in time")
        case .settingUp, .ready:
            guard self.pending.contains(where: { $0.deadline <= now }), let libpq = self.libpq else { break }
            guard case .ready = self.phase else { return self.end(Self.late) }
            self.phase = .retiring(libpq)
            self.report(.retiring)
            self.cancelStatement(libpq)
        case .retiring(let libpq):
            if let graceEnds = self.graceEnds {
                if graceEnds <= now { return self.end(PostgresError(.connectionLost, "a statement could not be cancelled")) }
            } else if self.pending.contains(where: { $0.deadline <= now }) {
                self.cancelStatement(libpq)
            }
        }
        if case .ended = self.phase { return }
        self.armTimer()
    }

    /// Asks the server to cancel, on another thread because that blocks. The connection is not used again: the request may hit
    /// whatever statement runs when it arrives.
    func cancelStatement(_ libpq: LibPQConnection) {
        guard self.graceEnds == nil else { return }
        self.graceEnds = ContinuousClock.now + self.configuration.cancelGrace
        if let token = libpq.cancelToken() {
            // A refusal changes nothing: the grace period ends the connection.
            _ = self.blockingCalls.run(name: "postgres-cancel") { _ = token.send() }
        }
        self.armTimer()
    }
}
