// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The number of a DHCP option, with the names of RFC 2132 and the RFCs that added to it.
public struct DHCPOptionCode: RawRepresentable, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    public static let pad = DHCPOptionCode(rawValue: 0)
    public static let subnetMask = DHCPOptionCode(rawValue: 1)
    public static let router = DHCPOptionCode(rawValue: 3)
    public static let domainNameServers = DHCPOptionCode(rawValue: 6)
    public static let hostName = DHCPOptionCode(rawValue: 12)
    public static let domainName = DHCPOptionCode(rawValue: 15)
    public static let interfaceMTU = DHCPOptionCode(rawValue: 26)
    public static let broadcastAddress = DHCPOptionCode(rawValue: 28)
    public static let ntpServers = DHCPOptionCode(rawValue: 42)
    /// Options of a vendor's own; what is in them depends on option 60.
    public static let vendorSpecific = DHCPOptionCode(rawValue: 43)
    public static let requestedAddress = DHCPOptionCode(rawValue: 50)
    public static let leaseTime = DHCPOptionCode(rawValue: 51)
    public static let overload = DHCPOptionCode(rawValue: 52)
    public static let messageType = DHCPOptionCode(rawValue: 53)
    public static let serverIdentifier = DHCPOptionCode(rawValue: 54)
    public static let parameterRequestList = DHCPOptionCode(rawValue: 55)
    public static let message = DHCPOptionCode(rawValue: 56)
    public static let maximumMessageSize = DHCPOptionCode(rawValue: 57)
    public static let renewalTime = DHCPOptionCode(rawValue: 58)
    public static let rebindingTime = DHCPOptionCode(rawValue: 59)
    public static let vendorClass = DHCPOptionCode(rawValue: 60)
    public static let clientIdentifier = DHCPOptionCode(rawValue: 61)
    public static let tftpServerName = DHCPOptionCode(rawValue: 66)
    public static let bootFileName = DHCPOptionCode(rawValue: 67)
    /// RFC 3004.
    public static let userClass = DHCPOptionCode(rawValue: 77)
    /// RFC 3046: what a relay agent added; it comes back unchanged in every reply.
    public static let relayAgentInformation = DHCPOptionCode(rawValue: 82)
    /// RFC 4578, section 2.1.
    public static let clientArchitecture = DHCPOptionCode(rawValue: 93)
    /// RFC 4578, section 2.2.
    public static let clientNetworkInterface = DHCPOptionCode(rawValue: 94)
    /// RFC 4578, section 2.3.
    public static let clientMachineIdentifier = DHCPOptionCode(rawValue: 97)
    /// RFC 3011: the client names the subnet that it wants an address of.
    public static let subnetSelection = DHCPOptionCode(rawValue: 118)
    /// RFC 3397.
    public static let domainSearch = DHCPOptionCode(rawValue: 119)
    /// RFC 3442; a client that asks for it ignores the router option.
    public static let classlessRoutes = DHCPOptionCode(rawValue: 121)
    /// RFC 5859.
    public static let tftpServerAddress = DHCPOptionCode(rawValue: 150)
    /// iPXE's own encapsulated options.
    public static let ipxe = DHCPOptionCode(rawValue: 175)
    /// RFC 5071: PXELINUX's configuration file.
    public static let pxelinuxConfigurationFile = DHCPOptionCode(rawValue: 209)
    /// RFC 5071: what PXELINUX puts before every file name.
    public static let pxelinuxPathPrefix = DHCPOptionCode(rawValue: 210)
    /// RFC 5071: after how many seconds PXELINUX restarts a machine that it cannot boot.
    public static let pxelinuxRebootTime = DHCPOptionCode(rawValue: 211)
    public static let end = DHCPOptionCode(rawValue: 255)
}
