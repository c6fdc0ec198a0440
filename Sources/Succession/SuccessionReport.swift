// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What changed on a segment, for people.
public enum SuccessionReport: Sendable, Hashable {
    /// This rack answers the segment now.
    case tookOver(Takeover)
    /// Another rack's claim is higher.
    case yielded(to: SystemID, term: UInt64)
    /// This rack was not run for a while.
    case wasFrozen(gap: Duration)
    /// This rack may not answer any more.
    case fenced(FenceReason)
    /// This rack's own link on the segment is in doubt: the active rack is heard by gossip, and nobody on the wire.
    case linkSuspected
    /// No other rack could take the segment over.
    case cannotDrain(DrainRefusal)
    case drained(to: SystemID)

    /// Why a rack may not answer.
    public enum FenceReason: String, Sendable, Hashable, Codable {
        case grantEnded, ordered
    }

    /// Why a segment stays where it is.
    public enum DrainRefusal: String, Sendable, Hashable, Codable {
        /// No standby is heard.
        case noSuccessor
        /// The chosen one did not say that it is ready, or did not claim.
        case noAnswer
    }
}

/// A change of the rack that answers a segment.
public struct Takeover: Sendable, Hashable {
    /// What made the rack claim.
    public enum Reason: String, Sendable, Hashable, Codable {
        /// Nobody answered the segment.
        case vacant
        /// The process of the rack that did is gone.
        case died
        /// It was silent on the segment and in gossip.
        case silent
        /// It was silent on the segment only, where others hear us.
        case split
        /// Its DHCP made no progress.
        case stuck
        /// It heard nobody.
        case deaf
        /// It handed the segment over.
        case handover
    }

    public var reason: Reason
    public var term: UInt64
    /// The rack that answered before, where one is known.
    public var from: SystemID?
    /// From the last that was heard of it to the suspicion.
    public var detection: Duration
    /// From the suspicion to the claim that stands.
    public var claim: Duration
}
