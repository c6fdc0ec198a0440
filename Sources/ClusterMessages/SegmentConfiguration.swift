// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// One VLAN on which the rack is to serve DHCP and boot.
public struct SegmentConfiguration: Codable, Sendable, Hashable {
    public var vlanID: Int
    /// The rack's interface on the segment.
    public var interfaceName: String
    /// DHCP's server identifier and next-server, and where machines fetch everything.
    public var serviceAddress: IPv4Address
    public var network: IPv4Network
    public var gateway: IPv4Address?
    public var dnsServers: [IPv4Address]
    public var domainName: String
    public var leaseSeconds: Int
    /// The segment's largest packet in bytes; nil from regions that do not say.
    public var mtu: Int?
    /// Time servers; nil from regions that do not say.
    public var ntpServers: [IPv4Address]?
    /// How this rack shares the segment with others; nil when it serves it alone.
    public var succession: SegmentSuccession?
    /// Addresses that belong to one machine each.
    public var reservations: [AddressReservation]
    /// What is served over IPv6; nil for nothing, and from a region that does not know of it.
    public var ipv6: SegmentIPv6Configuration?

    public init(
        vlanID: Int, interfaceName: String, serviceAddress: IPv4Address, network: IPv4Network, gateway: IPv4Address?,
        dnsServers: [IPv4Address], domainName: String, leaseSeconds: Int, reservations: [AddressReservation],
        mtu: Int? = nil, ntpServers: [IPv4Address]? = nil, succession: SegmentSuccession? = nil,
        ipv6: SegmentIPv6Configuration? = nil
    ) {
        self.vlanID = vlanID
        self.interfaceName = interfaceName
        self.serviceAddress = serviceAddress
        self.network = network
        self.gateway = gateway
        self.dnsServers = dnsServers
        self.domainName = domainName
        self.leaseSeconds = leaseSeconds
        self.reservations = reservations
        self.mtu = mtu
        self.ntpServers = ntpServers
        self.succession = succession
        self.ipv6 = ipv6
    }
}

/// An address that one interface always gets.
public struct AddressReservation: Codable, Sendable, Hashable {
    public var macAddress: MACAddress
    public var address: IPv4Address
    public var hostname: String?

    public init(macAddress: MACAddress, address: IPv4Address, hostname: String?) {
        self.macAddress = macAddress
        self.address = address
        self.hostname = hostname
    }
}
