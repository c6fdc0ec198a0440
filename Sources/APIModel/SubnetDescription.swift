// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What the API says of a subnet, whichever version of IP it is of.
public protocol SubnetDescription: Sendable {
    associatedtype Address: LosslessStringConvertible & Sendable
    associatedtype Network: LosslessStringConvertible & Sendable

    /// What error messages call the version: `IPv4`.
    static var version: String { get }
    /// What error messages propose: `10.0.0.0/24`.
    static var exampleNetwork: String { get }
    static var exampleAddress: String { get }

    var id: Int { get }
    var name: String { get set }
    var description: String { get set }
    var vlanID: Int { get set }
    var network: Network { get set }
    var gateway: Address? { get set }
    var dnsServers: [Address] { get set }
    var rdnsMode: Int { get set }
    var allowDNS: Bool { get set }
    var allowProxy: Bool { get set }
    var activeDiscovery: Bool { get set }
    var managed: Bool { get set }
}

extension Subnet: SubnetDescription {
    public static var version: String { "IPv4" }
    public static var exampleNetwork: String { "10.0.0.0/24" }
    public static var exampleAddress: String { "10.0.0.1" }
}

extension IPv6Subnet: SubnetDescription {
    public static var version: String { "IPv6" }
    public static var exampleNetwork: String { "fd00::/64" }
    public static var exampleAddress: String { "fd00::1" }
}
