// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Leasing

/// How much a rack's takeovers of late speak against it (RFC 2439): each takeover that it suffered counts, and half of it is forgotten every
/// fifteen minutes.
public struct FlapDamping: Sendable, Hashable {
    private static let halfLife: Int64 = 900_000_000_000
    private static let penalty = 1_000.0
    /// Above this a rack is asked last.
    private static let threshold = 2_500.0
    private static let maximumDoublings = 6

    private var value = 0.0
    private var since = Instant.distantPast

    public init() {}

    /// What is not forgotten yet. Between half-lives a straight line is close enough, and needs no exponential function.
    private func value(at now: Instant) -> Double {
        guard self.since != .distantPast else { return 0 }
        let passed = max(0, self.since.nanoseconds(until: now))
        let halvings = passed / Self.halfLife
        guard halvings < 32 else { return 0 }
        let rest = Double(passed % Self.halfLife) / Double(Self.halfLife)
        return self.value / Double(UInt64(1) << UInt64(halvings)) * (1 - rest / 2)
    }

    /// Notes a takeover that the rack suffered.
    public mutating func suffered(now: Instant) {
        self.value = self.value(at: now) + Self.penalty
        self.since = now
    }

    /// Whether the rack is to be asked last.
    public func isDamped(now: Instant) -> Bool {
        self.value(at: now) > Self.threshold
    }

    /// How long a rack that comes back is asked last.
    public func holdDown(_ base: Duration, now: Instant) -> Duration {
        let flaps = min(Int(self.value(at: now) / Self.penalty), Self.maximumDoublings)
        return min(base * (1 << flaps), .seconds(3_600))
    }
}
