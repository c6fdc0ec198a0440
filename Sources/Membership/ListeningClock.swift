// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Leasing

/// Time in which this process was run: a member that was frozen has heard nobody, and may accuse nobody for it.
public struct ListeningClock: Sendable, Hashable {
    /// The longest step, in nanoseconds, that counts; a longer one is an own pause and counts nothing.
    public static let maximumStep: Int64 = 1_000_000_000

    private var last: Instant
    /// The time listened so far.
    public private(set) var listened = Instant(nanoseconds: 0)
    var countsPauses = false

    public init(now: Instant) {
        self.last = now
    }

    /// Counts the time since the last call.
    public mutating func advance(to now: Instant) {
        let step = self.last.nanoseconds(until: now)
        self.last = max(self.last, now)
        guard step > 0, step <= Self.maximumStep || self.countsPauses else { return }
        self.listened = self.listened.advanced(byNanoseconds: step)
    }
}
