// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a ``MembershipCore`` is told.
public enum MembershipEvent: Sendable, Hashable {
    /// Must come every 250 ms, late or not.
    case timeElapsed
    /// `from` is the identity in the certificate of the connection.
    case received(MembershipMessage, from: SystemID)
    /// Other authentic traffic.
    case heard(SystemID)
    /// A connection is there, for the first time or again.
    case connected(SystemID)
    /// A member's connections closed and its port refuses new ones.
    case refused(SystemID)
    /// A roster whose signature was checked; one that is not newer changes nothing.
    case rosterChanged(Roster)
    /// This member goes by its own wish.
    case leaving
}
