// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// One TFTP packet (RFC 1350, section 5; RFC 2347).
public enum TFTPPacket: Sendable, Hashable {
    case readRequest(TFTPRequest)
    case writeRequest(TFTPRequest)
    /// A block of the file; one that is shorter than the block size ends the transfer.
    case data(block: UInt16, payload: [UInt8])
    case acknowledgement(block: UInt16)
    case error(TFTPErrorCode, message: String)
    /// The options that the server accepts, with its values.
    case optionAcknowledgement([TFTPOption])

    /// The octets before the data of a DATA packet.
    public static let dataHeaderLength = 4
    /// The longest request that is read: RFC 2347 limits requests to 512 octets, and some clients pad.
    public static let maximumRequestLength = 1468
    /// The longest message of an ERROR packet that is written or kept.
    public static let maximumMessageLength = 512

    enum Opcode: UInt16 {
        case readRequest = 1
        case writeRequest = 2
        case data = 3
        case acknowledgement = 4
        case error = 5
        case optionAcknowledgement = 6
    }
}
