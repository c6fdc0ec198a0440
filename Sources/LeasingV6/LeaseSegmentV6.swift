// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a rack needs to know of a segment in order to give out IPv6 addresses on it.
public struct LeaseSegmentV6: Sendable, Hashable {
    public var rule: AddressRule
    /// This rack's number, never zero, and no other rack's of the region.
    public var rackNumber: UInt16
    /// The racks' own address there, which is nobody else's.
    public var serviceAddress: IPv6Address
    /// How long addresses are valid.
    public var leaseSeconds: Int
    /// Addresses that belong to one machine each.
    public var reservations: [MACAddress: IPv6Address]

    public init(
        rule: AddressRule, rackNumber: UInt16, serviceAddress: IPv6Address, leaseSeconds: Int, reservations: [MACAddress: IPv6Address] = [:]
    ) {
        self.rule = rule
        self.rackNumber = rackNumber
        self.serviceAddress = serviceAddress
        self.leaseSeconds = leaseSeconds
        self.reservations = reservations
    }
}
