// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Leasing

/// When the segment is told where the service address is: often at first, since any one may be lost and Linux ignores changes within a
/// second of one another, then now and then for switches that forget after five minutes.
public struct AnnouncementSchedule: Sendable, Hashable {
    private static let offsets: [Int64] = [0, 50, 200, 1_100, 2_200, 4_400]
    private static let refresh: Int64 = 100_000
    private static let nanoseconds: Int64 = 1_000_000
    /// Conflicting claims are answered at most this often.
    private static let repetition: Int64 = 200

    private var start: Instant
    private var sent = 0
    private var last = Instant.distantPast

    /// Begins at `start`.
    public init(start: Instant) {
        self.start = start
    }

    /// Whether an announcement is due; if so it counts as sent.
    public mutating func isDue(now: Instant) -> Bool {
        let step = self.sent
        let offset =
            step < Self.offsets.count
            ? Self.offsets[step] : (Self.offsets.last ?? 0) + Self.refresh * Int64(step - Self.offsets.count + 1)
        guard now >= self.start.advanced(byNanoseconds: offset * Self.nanoseconds) else { return false }
        self.sent += 1
        self.last = now
        return true
    }

    /// Whether a wrong claim that was heard may be answered by an announcement; if so it counts as sent.
    public mutating func mayRepeat(now: Instant) -> Bool {
        guard self.last == .distantPast || self.last.nanoseconds(until: now) >= Self.repetition * Self.nanoseconds else { return false }
        self.last = now
        return true
    }
}
