// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Leasing

/// How much one client, and the whole segment, may ask for. What is beyond is dropped, and comes again: clients repeat themselves after
/// one second and then ever more slowly, so a storm is delayed, and a client that went mad costs the others nothing.
struct DHCPv6RateLimit: Sendable {
    private struct Bucket: Sendable {
        var client: UInt64 = 0
        var tokens: Int64 = 0
        var last = Instant.distantPast

        /// Takes one token of a bucket that fills by itself. Counted in billionths, so that a nanosecond adds `rate` of them.
        mutating func take(rate: Int64, burst: Int64, now: Instant) -> Bool {
            let elapsed = min(max(self.last.nanoseconds(until: now), 0), burst * 1_000_000_000 / rate)
            self.tokens = min(self.tokens + elapsed * rate, burst * 1_000_000_000)
            self.last = now
            guard self.tokens >= 1_000_000_000 else { return false }
            self.tokens -= 1_000_000_000
            return true
        }
    }

    /// An exchange has two messages, and a firmware that tries again does so every second: ten a second are plenty.
    private static let clientRate: Int64 = 10
    private static let clientBurst: Int64 = 20
    /// A row of 2,000 machines that is switched on at once is served within a second.
    private static let segmentRate: Int64 = 5_000
    private static let segmentBurst: Int64 = 5_000

    /// By the client's hash; a client that comes to another's place takes it over, full. Of fixed size: this is the packet path.
    private var clients = Array(repeating: Bucket(), count: 4_096)
    private var segment = Bucket()

    /// Whether a message is to be looked at.
    ///
    /// - Parameter client: a hash of what the client is known by.
    mutating func admit(client: UInt64, now: Instant) -> Bool {
        let index = Int(client % UInt64(self.clients.count))
        if self.clients[index].client != client {
            self.clients[index] = Bucket(client: client, tokens: Self.clientBurst * 1_000_000_000, last: now)
        }
        guard self.clients[index].take(rate: Self.clientRate, burst: Self.clientBurst, now: now) else { return false }
        return self.segment.take(rate: Self.segmentRate, burst: Self.segmentBurst, now: now)
    }
}
