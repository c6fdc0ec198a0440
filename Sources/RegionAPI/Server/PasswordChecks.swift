// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import NIOPosix
internal import OpenSSL
internal import Synchronization

/// Checks passwords away from the event loops, a few at a time, and slows down guessing.
final class PasswordChecks: Sendable {
    private struct State {
        var failures: [String: (since: Timestamp, count: Int)] = [:]
        var waiting = 0
    }

    /// The window in which wrong passwords are counted.
    private static let window = Duration.seconds(60)
    private static let maximumWaiting = 64
    /// What an unknown user's password is checked against, so that it takes as long as a known one's.
    private static let nobody =
        "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

    private let limits: RegionAPILimits
    private let threads: NIOThreadPool
    private let state = Mutex(State())

    init(limits: RegionAPILimits) {
        self.limits = limits
        self.threads = NIOThreadPool(numberOfThreads: max(1, limits.concurrentPasswordChecks))
    }

    func start() {
        self.threads.start()
    }

    func stop() async {
        // A pool that is not running has nothing to stop.
        try? await self.threads.shutdownGracefully()
    }

    /// Whether the password is the user's.
    ///
    /// - Throws: `APIFailure` 429 after too many wrong ones for this name, 503 when too many are being checked.
    func verify(_ password: String, of username: String, against stored: String?, now: Timestamp) async throws -> Bool {
        try self.checkRate(of: username, now: now)
        let text = stored ?? Self.nobody
        let isRight = try await self.run { PasswordHash.verify(password, against: text) } && stored != nil
        self.state.withLock { state in
            if isRight { state.failures[username] = nil } else { self.countFailure(of: username, in: &state, now: now) }
        }
        return isRight
    }

    /// The text to store for a password.
    func make(_ password: String) async throws -> String {
        try await self.run { try PasswordHash.make(password) }
    }

    private func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        let admitted = self.state.withLock { state in
            guard state.waiting < Self.maximumWaiting else { return false }
            state.waiting += 1
            return true
        }
        guard admitted else { throw APIFailure.unavailable("Too many passwords are being checked.", retryAfter: 2) }
        defer { self.state.withLock { $0.waiting -= 1 } }
        return try await self.threads.runIfActive(work)
    }

    private func checkRate(of username: String, now: Timestamp) throws {
        let isTooFast = self.state.withLock { state in
            guard let entry = state.failures[username] else { return false }
            if now.since(entry.since) >= Self.window {
                state.failures[username] = nil
                return false
            }
            return entry.count >= self.limits.maximumPasswordFailures
        }
        guard isTooFast else { return }
        throw APIFailure(
            status: 429, content: .text("Too many wrong passwords for this user; try again in a minute."), headers: [("Retry-After", "60")]
        )
    }

    private func countFailure(of username: String, in state: inout State, now: Timestamp) {
        if var entry = state.failures[username] {
            entry.count += 1
            state.failures[username] = entry
            return
        }
        if state.failures.count >= self.limits.maximumWatchedUsers, let oldest = state.failures.min(by: { $0.value.since < $1.value.since }) {
            state.failures[oldest.key] = nil
        }
        state.failures[String(username.prefix(256))] = (now, 1)
    }
}
