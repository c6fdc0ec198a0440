// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

extension RouterAdvertisement {
    /// Reads a message. Unknown options are passed over, as RFC 4861 (section 4.6) asks.
    public init(parsing bytes: borrowing Span<UInt8>) throws(NeighborDiscoveryError) {
        self.init()
        guard bytes.count >= 16 else { throw .tooShort(length: bytes.count) }
        guard bytes[0] == Self.type else { throw .wrongType(bytes[0]) }
        guard bytes[1] == 0 else { throw .badCode(bytes[1]) }
        self.hopLimit = bytes[4]
        self.isManaged = bytes[5] & 0x80 != 0
        self.hasOtherConfiguration = bytes[5] & 0x40 != 0
        self.routerLifetimeSeconds = UInt16(bytes[6]) << 8 | UInt16(bytes[7])
        var offset = 16
        while offset < bytes.count {
            guard offset + 2 <= bytes.count, bytes[offset + 1] > 0, offset + 8 * Int(bytes[offset + 1]) <= bytes.count else {
                throw .badOption(type: bytes[offset], offset: offset)
            }
            let length = 8 * Int(bytes[offset + 1])
            self.readOption(at: offset, length: length, in: bytes)
            offset += length
        }
    }

    private mutating func readOption(at offset: Int, length: Int, in bytes: borrowing Span<UInt8>) {
        switch (bytes[offset], length) {
        case (1, 8): self.sourceMACAddress = MACAddress(rawValue: Self.value(of: 6, at: offset + 2, in: bytes))
        case (5, 8): self.mtu = Self.number(at: offset + 4, in: bytes)
        case (3, 32):
            let address = Self.address(at: offset + 16, in: bytes)
            guard bytes[offset + 2] <= 128 else { return }
            self.prefixes.append(
                Prefix(
                    network: IPv6Network(containing: address, prefixLength: Int(bytes[offset + 2])), isOnLink: bytes[offset + 3] & 0x80 != 0,
                    isAutonomous: bytes[offset + 3] & 0x40 != 0, validSeconds: Self.number(at: offset + 4, in: bytes),
                    preferredSeconds: Self.number(at: offset + 8, in: bytes)
                )
            )
        case (25, 24...):
            self.dnsLifetimeSeconds = Self.number(at: offset + 4, in: bytes)
            for start in stride(from: offset + 8, through: offset + length - 16, by: 16) {
                self.dnsServers.append(Self.address(at: start, in: bytes))
            }
        case (31, 16...):
            self.dnsLifetimeSeconds = Self.number(at: offset + 4, in: bytes)
            self.readDomains(from: offset + 8, to: offset + length, in: bytes)
        default: break
        }
    }

    /// Names up to the padding; one that leaves the option ends the list.
    private mutating func readDomains(from start: Int, to end: Int, in bytes: borrowing Span<UInt8>) {
        var offset = start
        var labels: [String] = []
        while offset < end {
            let length = Int(bytes[offset])
            guard length > 0 else {
                guard !labels.isEmpty else { return }
                self.searchDomains.append(labels.joined(separator: "."))
                labels = []
                offset += 1
                continue
            }
            guard length <= 63, offset + 1 + length <= end else { return }
            labels.append(String(decoding: (1...length).map { bytes[offset + $0] }, as: UTF8.self))
            offset += 1 + length
        }
    }

    private static func value(of count: Int, at offset: Int, in bytes: borrowing Span<UInt8>) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<count { value = value << 8 | UInt64(bytes[offset + index]) }
        return value
    }

    private static func number(at offset: Int, in bytes: borrowing Span<UInt8>) -> UInt32 {
        UInt32(truncatingIfNeeded: Self.value(of: 4, at: offset, in: bytes))
    }

    private static func address(at offset: Int, in bytes: borrowing Span<UInt8>) -> IPv6Address {
        IPv6Address(high: Self.value(of: 8, at: offset, in: bytes), low: Self.value(of: 8, at: offset + 8, in: bytes))
    }
}
