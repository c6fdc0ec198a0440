// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// The IPv4 and UDP headers before a payload, for answers that the kernel cannot address: the client has no address yet,
/// so there is no ARP entry to find it by (RFC 2131, section 4.1).
public enum UDPFrame {
    /// The bytes before the payload: 20 of IPv4 (RFC 791) and 8 of UDP (RFC 768).
    public static let headerLength = 28

    /// Fills in both headers.
    ///
    /// - Parameters:
    ///   - frame: the headers' room followed by the payload. Nothing is written, and false returned, when it does not hold both or
    ///     when the payload is too long for one datagram.
    @discardableResult
    public static func writeHeaders(
        in frame: UnsafeMutableRawBufferPointer, payloadLength: Int, source: IPv4Address, sourcePort: UInt16,
        destination: IPv4Address, destinationPort: UInt16
    ) -> Bool {
        let total = Self.headerLength + payloadLength
        guard payloadLength >= 0, total <= 65_535, frame.count >= total else { return false }
        func put(_ value: UInt16, at offset: Int) {
            unsafe frame[offset] = UInt8(truncatingIfNeeded: value >> 8)
            unsafe frame[offset + 1] = UInt8(truncatingIfNeeded: value)
        }
        func put(_ address: IPv4Address, at offset: Int) {
            put(UInt16(truncatingIfNeeded: address.rawValue >> 16), at: offset)
            put(UInt16(truncatingIfNeeded: address.rawValue), at: offset + 2)
        }
        put(0x4500, at: 0)
        put(UInt16(truncatingIfNeeded: total), at: 2)
        put(0, at: 4)
        put(0x4000, at: 6)  // do not fragment
        put(0x4011, at: 8)  // 64 hops, UDP
        put(0, at: 10)
        put(source, at: 12)
        put(destination, at: 16)
        unsafe put(~Self.sum(UnsafeRawBufferPointer(frame), from: 0, count: 20, start: 0), at: 10)

        let udpLength = UInt16(truncatingIfNeeded: 8 + payloadLength)
        put(sourcePort, at: 20)
        put(destinationPort, at: 22)
        put(udpLength, at: 24)
        put(0, at: 26)
        // The pseudo header: both addresses, the protocol, the length.
        let pseudo = unsafe Self.sum(UnsafeRawBufferPointer(frame), from: 12, count: 8, start: 17 + UInt32(udpLength))
        let checksum = unsafe ~Self.sum(UnsafeRawBufferPointer(frame), from: 20, count: 8 + payloadLength, start: UInt32(pseudo))
        put(checksum == 0 ? 0xFFFF : checksum, at: 26)
        return true
    }

    /// The one's complement sum of RFC 1071.
    private static func sum(_ bytes: UnsafeRawBufferPointer, from offset: Int, count: Int, start: UInt32) -> UInt16 {
        var total = UInt64(start)
        var index = offset
        let end = offset + count
        while index + 1 < end {
            total &+= unsafe UInt64(bytes[index]) << 8 | UInt64(bytes[index + 1])
            index += 2
        }
        if index < end { total &+= unsafe UInt64(bytes[index]) << 8 }
        while total > 0xFFFF { total = (total & 0xFFFF) + total >> 16 }
        return UInt16(truncatingIfNeeded: total)
    }
}
