// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// A rack's sign of life on a segment itself: 20 a second from the active rack, 2 from each standby.
///
/// It is the second path beside gossip: it says that the rack is heard by those who share the wire with machines. `docs/takeover.md` has
/// the bytes.
public struct Pulse: Sendable, Hashable {
    /// The most racks that a pulse names as heard.
    public static let maximumHeard = 8

    public var segment: UInt32
    public var rack: SystemID
    public var role: SegmentRole
    /// Random for each start of the rack, so that an old pulse is told from a new one.
    public var boot: UInt64
    /// Rises with each pulse of one boot.
    public var sequence: UInt64
    public var claim: Claim
    /// How long the rack's DHCP has made no progress although it had work, in milliseconds: a beating heart in a dead body is visible.
    public var progressAge: UInt32
    /// To whom the active rack hands the segment over, with a term of one more.
    public var successor: SystemID?
    /// The racks whose pulses this one has heard in the last seconds.
    public var heard: [SystemID]

    public init(
        segment: UInt32, rack: SystemID, role: SegmentRole, boot: UInt64, sequence: UInt64, claim: Claim, progressAge: UInt32 = 0,
        successor: SystemID? = nil, heard: [SystemID] = []
    ) {
        self.segment = segment
        self.rack = rack
        self.role = role
        self.boot = boot
        self.sequence = sequence
        self.claim = claim
        self.progressAge = progressAge
        self.successor = successor
        self.heard = Array(heard.prefix(Self.maximumHeard))
    }
}
