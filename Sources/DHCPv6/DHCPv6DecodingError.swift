// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not a DHCPv6 message. Offsets count from the datagram's first byte.
public enum DHCPv6DecodingError: Error, Sendable, Hashable {
    /// Fewer bytes than the head needs: 4, or 34 for a relay's.
    case tooShort(length: Int)
    /// More bytes than any message of ours may have.
    case tooLong(length: Int)
    case unknownMessageType(UInt8)
    /// An option's length reaches past the end of what it is in.
    case truncatedOption(code: UInt16, offset: Int)
    /// An option has a length that it cannot have.
    case badOptionLength(code: UInt16, length: Int)
    /// A relay's message without the message that it relays.
    case missingRelayMessage(offset: Int)
    /// More relays than a message may pass (RFC 8415, section 7.6: eight).
    case tooManyRelays
    /// An option that may be there once only is there again.
    case repeatedOption(code: UInt16)
}
