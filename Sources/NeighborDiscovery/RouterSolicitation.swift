// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// A host's question for routers (RFC 4861, section 4.1), as an ICMPv6 message; the checksum is the kernel's business.
public struct RouterSolicitation: Sendable, Hashable {
    public static let type: UInt8 = 133

    /// The host's hardware address, when it says so.
    public var sourceMACAddress: MACAddress?

    public init(sourceMACAddress: MACAddress? = nil) {
        self.sourceMACAddress = sourceMACAddress
    }

    /// Reads a message. Unknown options are passed over, as section 4.6 asks.
    public init(parsing bytes: borrowing Span<UInt8>) throws(NeighborDiscoveryError) {
        guard bytes.count >= 8 else { throw .tooShort(length: bytes.count) }
        guard bytes[0] == Self.type else { throw .wrongType(bytes[0]) }
        guard bytes[1] == 0 else { throw .badCode(bytes[1]) }
        var offset = 8
        while offset < bytes.count {
            guard offset + 2 <= bytes.count, bytes[offset + 1] > 0, offset + 8 * Int(bytes[offset + 1]) <= bytes.count else {
                throw .badOption(type: bytes[offset], offset: offset)
            }
            if bytes[offset] == 1, bytes[offset + 1] == 1 {
                var address: UInt64 = 0
                for index in 2..<8 { address = address << 8 | UInt64(bytes[offset + index]) }
                self.sourceMACAddress = MACAddress(rawValue: address)
            }
            offset += 8 * Int(bytes[offset + 1])
        }
    }

    /// As it travels, with a checksum of zero.
    public var bytes: [UInt8] {
        [Self.type, 0, 0, 0, 0, 0, 0, 0] + (self.sourceMACAddress.map { [1, 1] + $0.octets } ?? [])
    }
}
