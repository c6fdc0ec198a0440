// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What one rack said last of one of its shared segments.
public struct SegmentReport: Sendable, Hashable {
    public var vlanID: Int
    public var rack: SystemID
    /// The rack's own role: active, standby, joining and so on.
    public var role: String
    /// Since when it has that role.
    public var since: Timestamp
    public var term: Int
    /// Whoever answers the segment, as far as the rack knows.
    public var active: SystemID?
    public var standbys: [SystemID]
    public var leases: Int
    /// Why the rack took over last, when it did.
    public var reason: String?
    /// How long nobody answered then.
    public var gapMilliseconds: Int?
    public var updated: Timestamp

    public init(
        vlanID: Int, rack: SystemID, role: String, since: Timestamp, term: Int, active: SystemID?, standbys: [SystemID], leases: Int,
        reason: String?, gapMilliseconds: Int?, updated: Timestamp
    ) {
        self.vlanID = vlanID
        self.rack = rack
        self.role = role
        self.since = since
        self.term = term
        self.active = active
        self.standbys = standbys
        self.leases = leases
        self.reason = reason
        self.gapMilliseconds = gapMilliseconds
        self.updated = updated
    }
}
