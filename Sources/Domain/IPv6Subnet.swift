// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// An IPv6 network on a VLAN. Its ids are of one series with those of ``Subnet``.
public struct IPv6Subnet: Sendable, Hashable, Codable {
    public var id: Int
    public var name: String
    public var description: String
    public var vlanID: Int
    public var network: IPv6Network
    public var gateway: IPv6Address?
    public var dnsServers: [IPv6Address]
    /// Reverse DNS: 0 off, 1 on, 2 as RFC 2317.
    public var rdnsMode: Int
    public var allowDNS: Bool
    public var allowProxy: Bool
    public var activeDiscovery: Bool
    /// Whether Gantry gives out addresses.
    public var managed: Bool
    /// Whether racks send router advertisements; off where a router does.
    public var routerAdvertisements: Bool

    public init(
        id: Int, name: String, description: String, vlanID: Int, network: IPv6Network, gateway: IPv6Address?, dnsServers: [IPv6Address],
        rdnsMode: Int, allowDNS: Bool, allowProxy: Bool, activeDiscovery: Bool, managed: Bool, routerAdvertisements: Bool
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.vlanID = vlanID
        self.network = network
        self.gateway = gateway
        self.dnsServers = dnsServers
        self.rdnsMode = rdnsMode
        self.allowDNS = allowDNS
        self.allowProxy = allowProxy
        self.activeDiscovery = activeDiscovery
        self.managed = managed
        self.routerAdvertisements = routerAdvertisements
    }
}
