// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
internal import LeasingV6

/// What a rack serves over IPv6 on one segment. Immutable: a change is another value.
public struct DHCPv6SegmentConfiguration: Sendable, Equatable {
    /// The VLAN's id.
    public var segmentID: Int
    /// The network interface that the segment is on; packets of other interfaces are not heard.
    public var interfaceName: String
    /// Where machines fetch everything, whichever rack answers.
    public var serviceAddress: IPv6Address
    /// The network; its prefix has at most 64 bits.
    public var network: IPv6Network
    /// This rack's share of the network's addresses; never zero.
    public var rackNumber: UInt16
    public var dnsServers: [IPv6Address] = []
    public var domainName: String?
    public var mtu: Int?
    /// How long addresses are valid.
    public var leaseSeconds = 600
    /// Whether addresses are given out; if not, only settings are.
    public var managed = true
    /// Whether router advertisements are sent.
    public var routerAdvertisements = false
    /// The port of the boot HTTP server on the service address.
    public var httpPort = 5248
    /// What iPXE is sent to, below the boot HTTP server.
    public var ipxeScript = "/ipxe.cfg"
    public var reservations: [MACAddress: IPv6Address] = [:]
    /// UDP ports of servers and relays, and of clients (RFC 8415, section 7.2); others only for tests.
    public var serverPort: UInt16 = 547
    public var clientPort: UInt16 = 546

    public init(segmentID: Int, interfaceName: String, serviceAddress: IPv6Address, network: IPv6Network, rackNumber: UInt16) {
        self.segmentID = segmentID
        self.interfaceName = interfaceName
        self.serviceAddress = serviceAddress
        self.network = network
        self.rackNumber = rackNumber
    }

    /// The part that decides about addresses.
    ///
    /// - Throws: `configuration` for a network or a rack number that addresses cannot be made from.
    func leaseSegment() throws(DHCPServiceError) -> LeaseSegmentV6 {
        guard let rule = AddressRule(network: self.network) else {
            throw DHCPServiceError(.configuration, "network \(self.network): expected a prefix of at most 64 bits")
        }
        guard self.rackNumber != 0 else { throw DHCPServiceError(.configuration, "rack number 0: expected 1 to 65535") }
        return LeaseSegmentV6(
            rule: rule, rackNumber: self.rackNumber, serviceAddress: self.serviceAddress, leaseSeconds: self.leaseSeconds,
            reservations: self.reservations.filter { self.network.contains($0.value) }
        )
    }
}
