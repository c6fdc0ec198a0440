// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// A rack's word that it answers a segment's service address.
///
/// Claims are soft: two racks that both serve harm nobody (`docs/dhcp.md`), so no quorum is asked. Everywhere the highest claim wins.
public struct Claim: Sendable, Hashable, Comparable {
    /// Raised by each takeover.
    public var term: UInt64
    /// The rack's place in the succession list, highest first; see ``SuccessionList``.
    public var preference: Int16
    /// Rendezvous hash of segment and rack: the same everywhere, spread evenly.
    public var score: UInt64
    public var rack: SystemID

    public init(term: UInt64, preference: Int16, score: UInt64, rack: SystemID) {
        self.term = term
        self.preference = preference
        self.score = score
        self.rack = rack
    }

    public static func < (left: Self, right: Self) -> Bool {
        (left.term, left.preference, left.score, left.rack) < (right.term, right.preference, right.score, right.rack)
    }

    /// Whether the rack of this claim is to be preferred to another's, whatever their terms.
    func isPreferred(to other: Claim) -> Bool {
        (self.preference, self.score, self.rack) > (other.preference, other.score, other.rack)
    }
}
