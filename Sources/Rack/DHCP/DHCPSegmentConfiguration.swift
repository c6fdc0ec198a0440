// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import DHCP
public import Domain
internal import Leasing

/// What a rack serves by DHCP on one segment. Immutable: a change is another value.
public struct DHCPSegmentConfiguration: Sendable, Equatable {
    /// The VLAN's id.
    public var segmentID: Int
    public var rack: SystemID
    /// The network interface that the segment is on; packets of other interfaces are not heard.
    public var interfaceName: String
    /// The address that clients know as their DHCP server and next server, whichever rack answers.
    public var serviceAddress: IPv4Address
    public var subnet: IPv4Network
    public var gateway: IPv4Address?
    public var dnsServers: [IPv4Address] = []
    public var ntpServers: [IPv4Address] = []
    public var domainName: String?
    /// The domains in which machines look names up.
    public var domainSearch: [String] = []
    /// Ways to other networks besides the gateway.
    public var routes: [ClasslessRoute] = []
    public var mtu: Int?
    /// How long leases are; at most the terms' maximum.
    public var leaseSeconds = 600
    /// The port of the boot HTTP server on the service address.
    public var httpPort = 5248
    public var bootFiles = DHCPBootFiles()
    public var reservations: [MACAddress: ReservedAddress] = [:]
    /// How much is answered how fast. Read when the service starts.
    public var limits = DHCPLimits()
    /// UDP ports of server and client (RFC 2131, section 4.1); others only for tests.
    public var serverPort: UInt16 = 67
    public var clientPort: UInt16 = 68

    public init(
        segmentID: Int, rack: SystemID, interfaceName: String, serviceAddress: IPv4Address, subnet: IPv4Network
    ) {
        self.segmentID = segmentID
        self.rack = rack
        self.interfaceName = interfaceName
        self.serviceAddress = serviceAddress
        self.subnet = subnet
    }

    /// The part that decides about leases; reservations in a fixed order.
    var leaseSegment: LeaseSegment {
        LeaseSegment(
            segmentID: self.segmentID, subnet: self.subnet, serviceAddress: self.serviceAddress, leaseSeconds: self.leaseSeconds,
            reservations: self.reservations.sorted { $0.key < $1.key }.map {
                Reservation(client: $0.key, address: $0.value.address, generation: $0.value.generation)
            }
        )
    }
}

/// An address that one machine always gets.
public struct ReservedAddress: Sendable, Hashable {
    public var address: IPv4Address
    /// The generation that the lease authority reserved; nil when the address was never given out dynamically.
    public var generation: UInt32?
    /// What the machine is told its name is (option 12).
    public var hostname: String?

    public init(address: IPv4Address, generation: UInt32? = nil, hostname: String? = nil) {
        self.address = address
        self.generation = generation
        self.hostname = hostname
    }
}
