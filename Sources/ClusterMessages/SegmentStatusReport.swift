// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a rack knows of the succession on its segments, for operators: sent on each change, and each few seconds.
public struct SegmentStatusReport: LinkMessage, Hashable {
    public static let name = "segments.status"
    public typealias Reply = LinkNothing

    public var segments: [SegmentStatus]

    public init(segments: [SegmentStatus]) {
        self.segments = segments
    }
}

/// One segment, as one rack sees it.
public struct SegmentStatus: Codable, Sendable, Hashable {
    public var segmentID: Int
    /// The rack's own role, in the words of `SegmentRole`.
    public var role: String
    public var term: UInt64
    /// Whoever answers the segment, as far as the rack knows.
    public var active: SystemID?
    /// The racks that are ready to take over, most preferred first.
    public var standbys: [SystemID]
    public var leases: Int
    /// What made this rack take over last, when it did.
    public var lastReason: String?
    /// From the last sign of life of the rack before it to its own first answer, in milliseconds.
    public var lastGapMilliseconds: Int?

    public init(
        segmentID: Int, role: String, term: UInt64, active: SystemID?, standbys: [SystemID], leases: Int, lastReason: String? = nil,
        lastGapMilliseconds: Int? = nil
    ) {
        self.segmentID = segmentID
        self.role = role
        self.term = term
        self.active = active
        self.standbys = standbys
        self.leases = leases
        self.lastReason = lastReason
        self.lastGapMilliseconds = lastGapMilliseconds
    }
}
