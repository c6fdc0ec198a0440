// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import TFTP

/// How a transfer ended.
public enum TransferOutcome: Sendable, Hashable {
    /// The client acknowledged the last block.
    case completed
    /// Everything was sent, and the last acknowledgement never came: many loaders start what they got without sending it.
    case completedUnconfirmed
    /// The client asked for the size only and left, as EDK2 does before each download.
    case sizeAsked
    case abortedByClient(TFTPErrorCode, message: String)
    /// No acknowledgement after all retransmissions.
    case timedOut
    /// The transfer took longer than any transfer may.
    case tookTooLong
    /// The client began another transfer from the same port.
    case replaced
    /// The client sent what has no place in a read transfer.
    case protocolViolation
    /// The content could not be read.
    case readFailed
    /// The server ends.
    case stopped

    /// Whether the client has what it wanted.
    public var isSuccess: Bool {
        switch self {
        case .completed, .completedUnconfirmed, .sizeAsked: true
        case .abortedByClient, .timedOut, .tookTooLong, .replaced, .protocolViolation, .readFailed, .stopped: false
        }
    }
}
