// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A moment on a clock that never jumps: nanoseconds since that clock's own start.
///
/// A rack counts on its boot-time clock, which goes on during suspension; the authority on its database's clock. The two are never
/// compared: only durations travel (rule R10).
public struct Instant: Sendable, Hashable, Comparable, Codable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// A moment before every other one.
    public static let distantPast = Instant(nanoseconds: .min)

    public static func < (left: Self, right: Self) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The moment that many nanoseconds later, or the last one there is.
    public func advanced(byNanoseconds nanoseconds: Int64) -> Instant {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        guard overflow else { return Instant(nanoseconds: sum) }
        return Instant(nanoseconds: nanoseconds > 0 ? .max : .min)
    }

    public func advanced(bySeconds seconds: Int) -> Instant {
        let (nanoseconds, overflow) = Int64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return self.advanced(byNanoseconds: overflow ? (seconds > 0 ? .max : .min) : nanoseconds)
    }

    /// The nanoseconds from this moment to `other`; negative when it is earlier.
    public func nanoseconds(until other: Instant) -> Int64 {
        let (difference, overflow) = other.nanoseconds.subtractingReportingOverflow(self.nanoseconds)
        guard overflow else { return difference }
        return other.nanoseconds > self.nanoseconds ? .max : .min
    }

    public init(from decoder: any Decoder) throws {
        self.nanoseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.nanoseconds)
    }
}
