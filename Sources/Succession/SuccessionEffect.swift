// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a ``SegmentCore`` wants done, in order.
public enum SuccessionEffect: Sendable, Hashable {
    /// Send to the segment.
    case pulse(Pulse)
    /// Answer for the service address from now on: ARP and neighbour solicitations, DHCP, TFTP, HTTP; answer what waited.
    case serve(term: UInt64)
    /// Answer for it no longer.
    case silence
    /// Tell the segment where the service address is: a gratuitous ARP request and reply, and a neighbour advertisement.
    case announce
    /// Start no more transfers, and say when all have ended.
    case stopStarting
    /// Get the bindings of the ensemble, and say when they are here.
    case synchronize
    /// Ask a rack to yield: its DHCP makes no progress.
    case askToYield(SystemID)
    /// Ask a rack to take the segment over; it gets the free tokens and what is not replicated yet.
    case offerHandover(to: SystemID, term: UInt64)
    /// Tell the rack that offered a handover that it may go on.
    case acceptHandover(from: SystemID)
    /// For the operator, the timeline and the metrics.
    case report(SuccessionReport)
}
