// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A 48-bit MAC address, in the low bits of one number.
public struct MACAddress: Sendable, Hashable, Comparable {
    /// The address as a number; the upper 16 bits are zero.
    public let rawValue: UInt64

    /// Keeps the lower 48 bits.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue & 0xFFFF_FFFF_FFFF
    }

    /// The six octets in the order of transmission.
    public var octets: [UInt8] {
        (0..<6).map { UInt8(truncatingIfNeeded: self.rawValue >> (40 - 8 * UInt64($0))) }
    }

    /// The form that pxelinux and the kernel's BOOTIF use: lower case with dashes.
    public var dashed: String {
        String(self.description.map { $0 == ":" ? "-" : $0 })
    }

    public static func < (left: Self, right: Self) -> Bool {
        left.rawValue < right.rawValue
    }
}

extension MACAddress: LosslessStringConvertible {
    /// Reads six pairs of hexadecimal digits, separated by colons or by dashes, in either case.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 17 else { return nil }
        let separator = bytes[2]
        guard separator == UInt8(ascii: ":") || separator == UInt8(ascii: "-") else { return nil }
        var value: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            if index % 3 == 2 {
                guard byte == separator else { return nil }
            } else {
                guard let digit = hexadecimalValue(of: byte) else { return nil }
                value = value << 4 | UInt64(digit)
            }
        }
        self.init(rawValue: value)
    }

    /// Lower case with colons, as MAAS writes it.
    public var description: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for (index, octet) in self.octets.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ":")) }
            text.append(digits[Int(octet >> 4)])
            text.append(digits[Int(octet & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// The value of one hexadecimal digit, or nil.
func hexadecimalValue(of byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

extension MACAddress: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder, expected: "a MAC address such as 52:54:00:12:34:56")
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}
