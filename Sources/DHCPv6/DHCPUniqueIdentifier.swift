// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// A DUID (RFC 8415, section 11): what a client or a server is known by.
public enum DHCPUniqueIdentifier: Sendable, Hashable {
    /// Type 1: hardware type, seconds since 2000, and hardware address at the time when it was made.
    case linkLayerPlusTime(hardwareType: UInt16, time: UInt32, address: [UInt8])
    /// Type 2: given by a vendor.
    case enterprise(number: UInt32, identifier: [UInt8])
    /// Type 3.
    case linkLayer(hardwareType: UInt16, address: [UInt8])
    /// Type 4 (RFC 6355).
    case uuid(UInt64, UInt64)
    /// A type that this version does not know; compared as bytes.
    case other(type: UInt16, value: [UInt8])

    /// Reads one; nil for fewer than 3 or more than 130 bytes, and for a UUID that is none.
    public init?(_ bytes: [UInt8]) {
        guard (3...130).contains(bytes.count) else { return nil }
        let span = bytes.span
        let type = span.short(at: 0)
        switch (type, bytes.count) {
        case (1, 9...):
            self = .linkLayerPlusTime(hardwareType: span.short(at: 2), time: span.number(at: 4), address: Array(bytes[8...]))
        case (2, 7...): self = .enterprise(number: span.number(at: 2), identifier: Array(bytes[6...]))
        case (3, 5...): self = .linkLayer(hardwareType: span.short(at: 2), address: Array(bytes[4...]))
        case (4, 18):
            let value = span.ipv6Address(at: 2)
            self = .uuid(value.high, value.low)
        case (1...4, _): return nil
        default: self = .other(type: type, value: Array(bytes[2...]))
        }
    }

    /// As it travels.
    public var bytes: [UInt8] {
        func octets(_ value: some FixedWidthInteger) -> [UInt8] {
            (0..<(value.bitWidth / 8)).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
        return switch self {
        case .linkLayerPlusTime(let type, let time, let address): [0, 1] + octets(type) + octets(time) + address
        case .enterprise(let number, let identifier): [0, 2] + octets(number) + identifier
        case .linkLayer(let type, let address): [0, 3] + octets(type) + address
        case .uuid(let high, let low): [0, 4] + octets(high) + octets(low)
        case .other(let type, let value): octets(type) + value
        }
    }

    /// The Ethernet address in a DUID of type 1 or 3, found without an allocation.
    static func macAddress(in bytes: borrowing Span<UInt8>, at offset: Int, length: Int) -> MACAddress? {
        guard length >= 4, bytes.short(at: offset + 2) == 1 else { return nil }
        switch (bytes.short(at: offset), length) {
        case (1, 14): return bytes.macAddress(at: offset + 8)
        case (3, 10): return bytes.macAddress(at: offset + 4)
        default: return nil
        }
    }
}
