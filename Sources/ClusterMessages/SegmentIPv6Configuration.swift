// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a rack serves over IPv6 on a VLAN.
public struct SegmentIPv6Configuration: Codable, Sendable, Hashable {
    public var network: IPv6Network
    /// The rack's address in the network: where machines fetch everything.
    public var serviceAddress: IPv6Address
    /// This rack's share of the network: its addresses begin with it behind the prefix. No other rack ever has the same.
    public var rackNumber: UInt16
    public var dnsServers: [IPv6Address]
    /// Whether addresses are given out; if not, only settings are.
    public var managed: Bool
    /// Whether the rack sends router advertisements.
    public var routerAdvertisements: Bool
    /// Addresses that belong to one machine each.
    public var reservations: [IPv6AddressReservation]

    public init(
        network: IPv6Network, serviceAddress: IPv6Address, rackNumber: UInt16, dnsServers: [IPv6Address], managed: Bool,
        routerAdvertisements: Bool, reservations: [IPv6AddressReservation] = []
    ) {
        self.network = network
        self.serviceAddress = serviceAddress
        self.rackNumber = rackNumber
        self.dnsServers = dnsServers
        self.managed = managed
        self.routerAdvertisements = routerAdvertisements
        self.reservations = reservations
    }
}

/// An IPv6 address that one interface always gets.
public struct IPv6AddressReservation: Codable, Sendable, Hashable {
    public var macAddress: MACAddress
    public var address: IPv6Address

    public init(macAddress: MACAddress, address: IPv6Address) {
        self.macAddress = macAddress
        self.address = address
    }
}
