// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Leasing

/// Whether one subject is there, as one observer sees it. Its moments are those of a ``ListeningClock``.
///
/// Anything authentic that arrives is life. It is not enough: a subject that speaks but hears nothing is as useless as a dead one, so its
/// heartbeats must also repeat what it heard lately.
public struct EdgeDetector: Sendable, Hashable {
    /// Heartbeats come 1 s apart, and 250 ms between members that share a segment.
    public static let interval: Int64 = 1_000_000_000
    public static let closeInterval: Int64 = 250_000_000
    /// What is allowed beyond an interval: TCP's fourth transmission comes after 1.41 s (200 ms, doubled, and a tail-loss probe).
    public static let allowance: Int64 = 1_500_000_000

    /// Nanoseconds between heartbeats.
    public let interval: Int64
    private var lastHeard: Instant
    private var lastEchoed: Instant
    private var isRefused = false

    public init(isClose: Bool, listened: Instant) {
        self.interval = isClose ? Self.closeInterval : Self.interval
        self.lastHeard = listened
        self.lastEchoed = listened
    }

    /// Something authentic came from the subject.
    public mutating func heard(listened: Instant) {
        self.lastHeard = listened
        self.isRefused = false
    }

    /// The subject has heard a heartbeat that it had not heard before.
    public mutating func echoed(listened: Instant) {
        self.lastEchoed = listened
    }

    /// The subject's connections closed and its port refuses new ones: its process is gone.
    public mutating func refused() {
        self.isRefused = true
    }

    /// - Parameter needsEcho: whether a subject that does not hear counts as faulty.
    public func isFaulty(listened: Instant, needsEcho: Bool = true) -> Bool {
        let limit = self.interval + Self.allowance
        // An echo takes two ways, and waits for the subject's next heartbeat.
        return self.isRefused || self.lastHeard.nanoseconds(until: listened) > limit
            || (needsEcho && self.lastEchoed.nanoseconds(until: listened) > 2 * limit)
    }
}
