// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a ``SegmentCore`` is told.
public enum SuccessionEvent: Sendable, Hashable {
    /// A pulse interval is over. Must come at least as often as pulses are sent, late or not.
    case timeElapsed
    /// An authentic pulse, not heard before.
    case pulsed(Pulse)
    /// The segment's interface has, or has lost, its carrier.
    case linkChanged(isUp: Bool)
    /// Until when this rack may serve by its grant; nil when it may not.
    case grantChanged(remaining: Duration?)
    /// The bindings of the ensemble are known here.
    case synchronized
    /// The region's order, or its wish that this rack never serves the segment.
    case listChanged(SuccessionList)
    /// A term that the region has heard of.
    case termKnown(UInt64)
    /// Gossip heard something of a rack; `isServing` says whether the rack believes that it answers this segment.
    case gossiped(SystemID, isServing: Bool)
    /// Gossip has proof that a rack's process is gone: its connections closed, and it refuses new ones. `boot` tells its next one apart.
    case died(SystemID, boot: UInt64)
    /// Gossip lost a rack, or another observer did.
    case lost(SystemID)
    /// A client's broadcast was heard on the segment.
    case clientHeard
    /// How long DHCP has made no progress although it had work.
    case progressed(age: Duration)
    /// The operator wants this rack off the segment, or back on it.
    case drainRequested
    case undrainRequested
    /// A rack asks this one to yield, because its DHCP makes no progress.
    case yieldRequested
    /// The active rack wants to hand the segment over to this one.
    case handoverOffered(by: SystemID)
    /// The rack that was asked to take the segment over is ready to.
    case handoverReady(SystemID)
    /// No transfer is under way.
    case quietened
    /// A fence record names this rack, or its certificate is revoked.
    case fenced
    case stopping
}
