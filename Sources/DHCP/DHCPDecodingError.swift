// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not a DHCP message. Offsets count from the message's first byte.
public enum DHCPDecodingError: Error, Sendable, Hashable {
    /// Fewer bytes than the fixed part and the magic cookie need (240).
    case tooShort(length: Int)
    /// More bytes than any message of ours may have.
    case tooLong(length: Int)
    /// Byte 0 is neither a request (1) nor a reply (2).
    case unknownOperation(UInt8)
    /// The hardware address would be longer than its field of 16 bytes.
    case badHardwareLength(UInt8)
    /// Bytes 236 to 239 are not 99.130.83.99 (RFC 2131, section 3): plain BOOTP, or garbage.
    case badMagicCookie(UInt32)
    /// An option's length reaches past the end of its field.
    case truncatedOption(code: UInt8, offset: Int)
    /// An option of fixed size has another one.
    case badOptionLength(code: UInt8, length: Int)
    /// Option 52 is none of 1, 2, 3.
    case badOverload(UInt8)
    /// Option 53 is not in 1...8.
    case unknownMessageType(UInt8)
}
