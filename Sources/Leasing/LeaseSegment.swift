// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// An address that belongs to one machine.
public struct Reservation: Sendable, Hashable, Codable {
    public var client: MACAddress
    public var address: IPv4Address
    /// The generation that the authority reserved. Nil: nobody but this rack ever gave the address out, so its own memory suffices.
    public var generation: UInt32?

    public init(client: MACAddress, address: IPv4Address, generation: UInt32?) {
        self.client = client
        self.address = address
        self.generation = generation
    }
}

/// What a rack must know of a segment to decide about leases.
public struct LeaseSegment: Sendable, Hashable {
    public var segmentID: Int
    public var subnet: IPv4Network
    /// The address that clients know as their server (option 54), whichever rack answers.
    public var serviceAddress: IPv4Address
    /// How long leases are, at most the terms' maximum.
    public var leaseSeconds: Int
    /// At most one for a client and one for an address; later ones are ignored.
    public var reservations: [Reservation]

    public init(
        segmentID: Int, subnet: IPv4Network, serviceAddress: IPv4Address, leaseSeconds: Int, reservations: [Reservation] = []
    ) {
        self.segmentID = segmentID
        self.subnet = subnet
        self.serviceAddress = serviceAddress
        self.leaseSeconds = leaseSeconds
        self.reservations = reservations
    }
}
