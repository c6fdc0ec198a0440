// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// An IPv6 network in prefix form (RFC 4291, section 2.3).
public struct IPv6Network: Sendable, Hashable {
    /// The network's first address; the host bits are zero.
    public let address: IPv6Address
    /// The length of the prefix, 0 to 128.
    public let prefixLength: Int

    /// Nil when the length is out of range or host bits are set.
    public init?(address: IPv6Address, prefixLength: Int) {
        guard (0...128).contains(prefixLength), Self.masked(address, prefixLength) == address else { return nil }
        self.address = address
        self.prefixLength = prefixLength
    }

    /// The network of this length that an address is in.
    public init(containing address: IPv6Address, prefixLength: Int) {
        self.prefixLength = min(max(prefixLength, 0), 128)
        self.address = Self.masked(address, self.prefixLength)
    }

    private static func masked(_ address: IPv6Address, _ length: Int) -> IPv6Address {
        IPv6Address(high: address.high & self.mask(length), low: address.low & self.mask(length - 64))
    }

    /// As many ones as `length` says, in 64 bits; none below zero.
    private static func mask(_ length: Int) -> UInt64 {
        length <= 0 ? 0 : ~UInt64(0) << UInt64(64 - min(length, 64))
    }

    public func contains(_ address: IPv6Address) -> Bool {
        Self.masked(address, self.prefixLength) == self.address
    }

    public func overlaps(_ other: IPv6Network) -> Bool {
        self.contains(other.address) || other.contains(self.address)
    }
}

extension IPv6Network: LosslessStringConvertible {
    /// Reads `fd00::/64`.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv6Address(String(parts[0])), (1...3).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let length = Int(parts[1])
        else { return nil }
        self.init(address: address, prefixLength: length)
    }

    public var description: String { "\(self.address)/\(self.prefixLength)" }
}

extension IPv6Network: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder, expected: "an IPv6 network such as fd00::/64, without host bits")
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}
