// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// An address of either version of IP.
public enum IPAddress: Sendable, Hashable {
    case v4(IPv4Address)
    case v6(IPv6Address)

    /// The address as IPv4 has it; nil for an IPv6 one.
    public var ipv4: IPv4Address? {
        if case .v4(let address) = self { address } else { nil }
    }

    /// As it stands in a URL: IPv6 in brackets (RFC 3986, section 3.2.2).
    public var urlHost: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): "[\(address)]"
        }
    }
}

extension IPAddress: LosslessStringConvertible {
    /// Reads either form. An IPv4 address in IPv6's dress (`::ffff:10.0.0.1`) is the IPv4 address.
    public init?(_ text: String) {
        if let address = IPv4Address(text) {
            self = .v4(address)
        } else if let address = IPv6Address(text) {
            self.init(mapped: address)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): address.description
        }
    }

    /// What an address of a socket for both versions means (RFC 4291, section 2.5.5.2).
    public init(mapped address: IPv6Address) {
        if address.high == 0, address.low >> 32 == 0xFFFF {
            self = .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: address.low)))
        } else {
            self = .v6(address)
        }
    }

    /// The address as a socket for both versions has it.
    public var mapped: IPv6Address {
        switch self {
        case .v4(let address): IPv6Address(high: 0, low: 0xFFFF_0000_0000 | UInt64(address.rawValue))
        case .v6(let address): address
        }
    }
}

extension IPAddress: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder, expected: "an address such as 10.0.0.1 or fd00::1")
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}
