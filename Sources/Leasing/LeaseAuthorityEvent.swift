// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Addresses from `first` to `last`, both included.
public struct AddressRange: Sendable, Hashable, Codable {
    public var first: IPv4Address
    public var last: IPv4Address

    public init(first: IPv4Address, last: IPv4Address) {
        self.first = first
        self.last = last
    }

    public func contains(_ address: IPv4Address) -> Bool {
        self.first <= address && address <= self.last
    }

    /// How many addresses there are; zero when the ends are the wrong way round.
    public var count: Int {
        max(0, Int(self.last.rawValue) - Int(self.first.rawValue) + 1)
    }
}

/// An address that the operator wants one machine to have.
public struct ReservationWish: Sendable, Hashable, Codable {
    public var client: MACAddress
    public var address: IPv4Address

    public init(client: MACAddress, address: IPv4Address) {
        self.client = client
        self.address = address
    }
}

/// What happens to the authority of a segment.
public enum LeaseAuthorityEvent: Sendable, Hashable {
    /// The addresses to be given out dynamically, without the service address, and those reserved. Idempotent.
    case poolChanged(ranges: [AddressRange], reservations: [ReservationWish])
    /// The racks that may serve the segment. A rack that is left out gets no further grant.
    case ensembleChanged([SystemID])
    case received(LeaseRackMessage)
    /// The rack is proven to be powered off.
    case fenced(SystemID)
    /// The database goes on from what may be an earlier state, on this timeline (rule R11). Postgres counts timelines upwards, one for each
    /// promotion or restoration, from one. Idempotent: a timeline that is known already changes nothing.
    case databaseRestored(timeline: UInt32)
    /// Every few seconds.
    case timeElapsed
}

/// What the region does for the authority.
public enum LeaseAuthorityEffect: Sendable, Hashable {
    case send(LeaseAuthorityMessage, to: SystemID)
    /// The reservations that racks may honour: all of them, in place of the earlier ones.
    case reservationsChanged([Reservation])
}

/// The result of an event.
struct LeaseAuthorityOutcome {
    var mustSave = false
    var effects: [LeaseAuthorityEffect] = []
}
