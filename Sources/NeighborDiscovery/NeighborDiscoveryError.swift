// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not a message of neighbour discovery that is taken (RFC 4861, sections 6.1.1 and 6.1.2).
public enum NeighborDiscoveryError: Error, Sendable, Hashable {
    case tooShort(length: Int)
    /// Another ICMPv6 message.
    case wrongType(UInt8)
    case badCode(UInt8)
    /// An option of length 0, or one that reaches past the message's end.
    case badOption(type: UInt8, offset: Int)
}
