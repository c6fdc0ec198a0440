// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a link's hosts are told by a router (RFC 4861, section 4.2), as an ICMPv6 message; the checksum is the kernel's business.
public struct RouterAdvertisement: Sendable, Hashable {
    public static let type: UInt8 = 134

    /// A prefix of the link (section 4.6.2).
    public struct Prefix: Sendable, Hashable {
        public var network: IPv6Network
        /// Hosts reach the prefix's addresses without a router.
        public var isOnLink: Bool
        /// Hosts may make addresses of their own in it (RFC 4862).
        public var isAutonomous: Bool
        public var validSeconds: UInt32
        public var preferredSeconds: UInt32

        public init(network: IPv6Network, isOnLink: Bool, isAutonomous: Bool, validSeconds: UInt32, preferredSeconds: UInt32) {
            self.network = network
            self.isOnLink = isOnLink
            self.isAutonomous = isAutonomous
            self.validSeconds = validSeconds
            self.preferredSeconds = preferredSeconds
        }
    }

    /// 0: not said.
    public var hopLimit: UInt8 = 64
    /// Addresses are to be had by DHCPv6 (the M flag).
    public var isManaged = false
    /// Other settings are to be had by DHCPv6 (the O flag).
    public var hasOtherConfiguration = false
    /// How long the sender is a default router; 0: it is none.
    public var routerLifetimeSeconds: UInt16 = 0
    public var sourceMACAddress: MACAddress?
    public var mtu: UInt32?
    public var prefixes: [Prefix] = []
    /// RFC 8106, section 5.1.
    public var dnsServers: [IPv6Address] = []
    /// RFC 8106, section 5.2: names such as `maas`.
    public var searchDomains: [String] = []
    /// How long servers and domains may be used.
    public var dnsLifetimeSeconds: UInt32 = 0

    public init() {}

    /// As it travels, with a checksum of zero.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = [
            Self.type, 0, 0, 0, self.hopLimit, (self.isManaged ? 0x80 : 0) | (self.hasOtherConfiguration ? 0x40 : 0),
            UInt8(truncatingIfNeeded: self.routerLifetimeSeconds >> 8), UInt8(truncatingIfNeeded: self.routerLifetimeSeconds),
        ]
        // Reachable time and retransmission timer: not said.
        bytes += [UInt8](repeating: 0, count: 8)
        if let address = self.sourceMACAddress { bytes += [1, 1] + address.octets }
        if let mtu = self.mtu { bytes += [5, 1, 0, 0] + Self.octets(mtu) }
        for prefix in self.prefixes {
            bytes += [3, 4, UInt8(truncatingIfNeeded: prefix.network.prefixLength), (prefix.isOnLink ? 0x80 : 0) | (prefix.isAutonomous ? 0x40 : 0)]
            bytes += Self.octets(prefix.validSeconds) + Self.octets(prefix.preferredSeconds) + [0, 0, 0, 0]
            bytes += prefix.network.address.octets
        }
        if !self.dnsServers.isEmpty {
            let servers = self.dnsServers.prefix(127)
            bytes += [25, UInt8(1 + 2 * servers.count), 0, 0] + Self.octets(self.dnsLifetimeSeconds) + servers.flatMap(\.octets)
        }
        var names = self.searchDomains.compactMap(Self.encodedName).flatMap { $0 }
        if !names.isEmpty, names.count <= 8 * 254 {
            names += [UInt8](repeating: 0, count: (8 - names.count % 8) % 8)
            bytes += [31, UInt8(1 + names.count / 8), 0, 0] + Self.octets(self.dnsLifetimeSeconds) + names
        }
        return bytes
    }

    private static func octets(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * $0)) }
    }

    /// A name as RFC 1035 (section 3.1) has it; nil for one that is none.
    private static func encodedName(_ name: String) -> [UInt8]? {
        let labels = name.split(separator: ".", omittingEmptySubsequences: true)
        guard !labels.isEmpty, name.utf8.count <= 253, labels.allSatisfy({ $0.utf8.count <= 63 }) else { return nil }
        return labels.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }
}
