// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A network interface of a controller.
public struct ControllerInterface: Sendable, Hashable, Codable {
    public var name: String
    public var macAddress: MACAddress?
    public var addresses: [IPv4Address]
    public var networks: [IPv4Network]
    /// Global and unique local IPv6 addresses; nil from a rack that does not tell.
    public var ipv6Addresses: [IPv6Address]?

    public init(name: String, macAddress: MACAddress?, addresses: [IPv4Address], networks: [IPv4Network], ipv6Addresses: [IPv6Address]? = nil) {
        self.name = name
        self.macAddress = macAddress
        self.addresses = addresses
        self.networks = networks
        self.ipv6Addresses = ipv6Addresses
    }
}
