// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// When a router speaks (RFC 4861, section 6.2): now and then by itself, and when it is asked. Times are nanoseconds of any clock that only
/// goes forward.
public struct AdvertisementSchedule: Sendable {
    /// Between two advertisements without a question: `MaxRtrAdvInterval`, and a third of it.
    public static let longestInterval: Duration = .seconds(600)
    static let shortestInterval: Duration = .seconds(200)
    /// The first three come fast, so that hosts that are up already learn soon: `MAX_INITIAL_RTR_ADVERT_INTERVAL`.
    static let initialInterval: Duration = .seconds(16)
    static let initialCount = 3
    /// `MIN_DELAY_BETWEEN_RAS`: advertisements to all are never closer.
    static let closest: Duration = .seconds(3)
    /// `MAX_RA_DELAY_TIME`: questions that come together are answered once.
    static let answerDelay: Duration = .milliseconds(500)

    private var sent = 0
    private var last: Int64?
    /// When the next advertisement to all is due.
    public private(set) var due: Int64

    /// - Parameter now: the first advertisement is due at once.
    public init(now: Int64) {
        self.due = now
    }

    /// A host asked: an advertisement to all within half a second, yet not too soon after the last one.
    public mutating func solicited(now: Int64, using generator: inout some RandomNumberGenerator) {
        var answer = now + Self.within(.zero, Self.answerDelay, using: &generator)
        if let last = self.last { answer = max(answer, last + Self.nanoseconds(Self.closest)) }
        self.due = min(self.due, answer)
    }

    /// The settings changed: all hosts are told soon, as at the beginning.
    public mutating func changed(now: Int64, using generator: inout some RandomNumberGenerator) {
        self.sent = 0
        self.solicited(now: now, using: &generator)
    }

    /// An advertisement could not be sent: tried again after a second.
    public mutating func failed(now: Int64) {
        self.due = now + Self.nanoseconds(.seconds(1))
    }

    /// An advertisement to all went out.
    public mutating func advertised(now: Int64, using generator: inout some RandomNumberGenerator) {
        self.sent += 1
        self.last = now
        var interval = Self.within(Self.shortestInterval, Self.longestInterval, using: &generator)
        if self.sent < Self.initialCount { interval = min(interval, Self.nanoseconds(Self.initialInterval)) }
        self.due = now + interval
    }

    private static func within(_ low: Duration, _ high: Duration, using generator: inout some RandomNumberGenerator) -> Int64 {
        Int64.random(in: Self.nanoseconds(low)...Self.nanoseconds(high), using: &generator)
    }

    private static func nanoseconds(_ duration: Duration) -> Int64 {
        duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000
    }
}
