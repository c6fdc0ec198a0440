// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// An IPv6 address, as two 64-bit numbers in host order: for the prefixes of most networks, the network and the interface.
public struct IPv6Address: Sendable, Hashable, Comparable {
    /// The first eight octets.
    public var high: UInt64
    /// The last eight octets: the interface identifier (RFC 4291, section 2.5.1).
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// `::`, which says that there is no address.
    public static let unspecified = IPv6Address(high: 0, low: 0)

    /// Addresses of one link only, `fe80::/10` (RFC 4291, section 2.5.6).
    public var isLinkLocal: Bool { self.high >> 54 == 0x3FA }

    /// `ff00::/8`.
    public var isMulticast: Bool { self.high >> 56 == 0xFF }

    /// The eight groups of 16 bits, most significant first.
    public var groups: [UInt16] {
        (0..<8).map { index in
            UInt16(truncatingIfNeeded: (index < 4 ? self.high : self.low) >> (48 - 16 * UInt64(index % 4)))
        }
    }

    /// The sixteen octets in the order of transmission.
    public var octets: [UInt8] {
        self.groups.flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] }
    }

    /// The MAC address in an interface identifier that was made from one (modified EUI-64: RFC 4291, appendix A).
    public var embeddedMACAddress: MACAddress? {
        guard (self.low >> 24) & 0xFFFF == 0xFFFE else { return nil }
        return MACAddress(rawValue: (self.low >> 40 ^ 0x02_0000) << 24 | self.low & 0xFF_FFFF)
    }

    public static func < (left: Self, right: Self) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension IPv6Address: LosslessStringConvertible {
    /// Reads the forms of RFC 4291, section 2.2, without a zone: eight groups, at most one `::`, perhaps dotted decimal at the end.
    public init?(_ text: String) {
        guard text.utf8.count <= 45 else { return nil }
        let halves = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
        guard halves.count <= 2, let head = Self.groups(halves[0], isLast: halves.count == 1) else { return nil }
        var groups = head
        if halves.count == 2 {
            guard let tail = Self.groups(halves[1], isLast: true), head.count + tail.count <= 7 else { return nil }
            groups += Array(repeating: 0, count: 8 - head.count - tail.count) + tail
        }
        guard groups.count == 8 else { return nil }
        self.init(
            high: groups[..<4].reduce(0) { $0 << 16 | UInt64($1) }, low: groups[4...].reduce(0) { $0 << 16 | UInt64($1) }
        )
    }

    private static func groups(_ text: Substring, isLast: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if isLast, index == parts.count - 1, part.contains(".") {
                guard let address = IPv4Address(String(part)) else { return nil }
                groups += [UInt16(truncatingIfNeeded: address.rawValue >> 16), UInt16(truncatingIfNeeded: address.rawValue)]
                continue
            }
            guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ hexadecimalValue(of: $0) != nil }) else { return nil }
            groups.append(part.utf8.reduce(0) { $0 << 4 | UInt16(hexadecimalValue(of: $1) ?? 0) })
        }
        return groups
    }

    /// RFC 5952: lower case, no leading zeros, the longest run of two zero groups or more as `::`, the first of equally long ones.
    public var description: String {
        let groups = self.groups
        var best = 0..<0
        var start = 0
        for index in 0...8 where index == 8 || groups[index] != 0 {
            if index - start > max(best.count, 1) { best = start..<index }
            start = index + 1
        }
        func text(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard !best.isEmpty else { return text(groups[...]) }
        return "\(text(groups[..<best.lowerBound]))::\(text(groups[best.upperBound...]))"
    }
}

extension IPv6Address: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder, expected: "an IPv6 address such as fd00::1")
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}
