// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// An IPv4 network on a VLAN.
public struct Subnet: Sendable, Hashable, Codable {
    public var id: Int
    public var name: String
    public var description: String
    public var vlanID: Int
    public var network: IPv4Network
    public var gateway: IPv4Address?
    public var dnsServers: [IPv4Address]
    /// Reverse DNS: 0 off, 1 on, 2 as RFC 2317.
    public var rdnsMode: Int
    public var allowDNS: Bool
    public var allowProxy: Bool
    public var activeDiscovery: Bool
    /// Whether Gantry gives out any free address, or only those of reserved ranges.
    public var managed: Bool

    public init(
        id: Int, name: String, description: String, vlanID: Int, network: IPv4Network, gateway: IPv4Address?, dnsServers: [IPv4Address],
        rdnsMode: Int, allowDNS: Bool, allowProxy: Bool, activeDiscovery: Bool, managed: Bool
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
    }
}
