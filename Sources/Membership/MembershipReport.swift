// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What people and the rest of the program are told.
public enum MembershipReport: Sendable, Hashable {
    /// All that changed at once; each list in ascending order.
    case viewChanged(removed: [SystemID], joined: [SystemID])
    /// Somebody speaks, or is spoken of, who is not in the roster.
    case strangerRefused(SystemID)
    /// A neighbour has a later roster.
    case rosterOutdated(known: UInt64, heard: UInt64)
}
