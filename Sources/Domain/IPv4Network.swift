// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// An IPv4 network in CIDR form (RFC 4632).
public struct IPv4Network: Sendable, Hashable {
    /// The network's first address; the host bits are zero.
    public let address: IPv4Address
    /// The length of the prefix, 0 to 32.
    public let prefixLength: Int

    /// Nil when the length is out of range or host bits are set.
    public init?(address: IPv4Address, prefixLength: Int) {
        guard (0...32).contains(prefixLength) else { return nil }
        let mask = Self.mask(prefixLength)
        guard address.rawValue & ~mask == 0 else { return nil }
        self.address = address
        self.prefixLength = prefixLength
    }

    private static func mask(_ length: Int) -> UInt32 {
        length == 0 ? 0 : ~UInt32(0) << UInt32(32 - length)
    }

    /// The subnet mask as an address, 255.255.255.0 for a /24.
    public var subnetMask: IPv4Address {
        IPv4Address(rawValue: Self.mask(self.prefixLength))
    }

    /// The last address, which is the broadcast address for prefixes up to 30.
    public var lastAddress: IPv4Address {
        IPv4Address(rawValue: self.address.rawValue | ~Self.mask(self.prefixLength))
    }

    /// The addresses that machines may have: without network and broadcast address, up to /30.
    public var hosts: ClosedRange<IPv4Address> {
        guard self.prefixLength <= 30 else { return self.address...self.lastAddress }
        return IPv4Address(rawValue: self.address.rawValue + 1)...IPv4Address(rawValue: self.lastAddress.rawValue - 1)
    }

    public func contains(_ address: IPv4Address) -> Bool {
        address.rawValue & Self.mask(self.prefixLength) == self.address.rawValue
    }

    public func overlaps(_ other: IPv4Network) -> Bool {
        self.contains(other.address) || other.contains(self.address)
    }
}

extension IPv4Network: LosslessStringConvertible {
    /// Reads `10.0.0.0/24`.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(String(parts[0])), parts[1].utf8.count <= 2,
            let length = Int(parts[1]), parts[1].first != "+", parts[1].first != "-"
        else { return nil }
        self.init(address: address, prefixLength: length)
    }

    public var description: String { "\(self.address)/\(self.prefixLength)" }
}

extension IPv4Network: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder, expected: "an IPv4 network such as 10.0.0.0/24")
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}
