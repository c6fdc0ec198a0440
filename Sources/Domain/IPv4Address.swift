// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// An IPv4 address, as one 32-bit number in host order.
public struct IPv4Address: Sendable, Hashable, Comparable {
    /// The address as a number: 10.0.0.1 is 0x0A000001.
    public var rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The four octets, most significant first.
    public var octets: (UInt8, UInt8, UInt8, UInt8) {
        let value = self.rawValue
        return (
            UInt8(truncatingIfNeeded: value >> 24), UInt8(truncatingIfNeeded: value >> 16),
            UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)
        )
    }

    public static func < (left: Self, right: Self) -> Bool {
        left.rawValue < right.rawValue
    }
}

extension IPv4Address: LosslessStringConvertible {
    /// Reads dotted decimal, four parts of at most three digits without leading zeros (RFC 6943, section 3.1.1: the strict form).
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var octet: UInt32 = 0
            for digit in part {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
                octet = octet * 10 + UInt32(digit - UInt8(ascii: "0"))
            }
            guard octet <= 255 else { return nil }
            value = value << 8 | octet
        }
        self.init(rawValue: value)
    }

    public var description: String {
        let (first, second, third, fourth) = self.octets
        return "\(first).\(second).\(third).\(fourth)"
    }
}

extension IPv4Address: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder, expected: "an IPv4 address such as 10.0.0.1")
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}
