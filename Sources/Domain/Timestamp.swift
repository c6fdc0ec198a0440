// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A moment in wall-clock time: microseconds since 1970-01-01T00:00:00 UTC.
public struct Timestamp: Sendable, Hashable, Comparable, Codable {
    public var microseconds: Int64

    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    public init(from decoder: any Decoder) throws {
        self.microseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.microseconds)
    }

    public static func < (left: Self, right: Self) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The moment a duration later, saturating at the ends of the range.
    public func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let step = overflow ? (seconds < 0 ? Int64.min : .max) : whole &+ attoseconds / 1_000_000_000_000
        let (sum, sumOverflow) = self.microseconds.addingReportingOverflow(step)
        return Timestamp(microseconds: sumOverflow ? (step < 0 ? .min : .max) : sum)
    }

    /// The time from another moment to this one.
    public func since(_ other: Timestamp) -> Duration {
        .microseconds(self.microseconds &- other.microseconds)
    }
}
