// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The code of an ERROR packet (RFC 1350, appendix; 8 is RFC 2347's). Codes that no RFC names are kept as they came.
public struct TFTPErrorCode: Sendable, Hashable, RawRepresentable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// See the message.
    public static let undefined = TFTPErrorCode(rawValue: 0)
    public static let fileNotFound = TFTPErrorCode(rawValue: 1)
    public static let accessViolation = TFTPErrorCode(rawValue: 2)
    public static let diskFull = TFTPErrorCode(rawValue: 3)
    public static let illegalOperation = TFTPErrorCode(rawValue: 4)
    public static let unknownTransfer = TFTPErrorCode(rawValue: 5)
    public static let fileExists = TFTPErrorCode(rawValue: 6)
    public static let noSuchUser = TFTPErrorCode(rawValue: 7)
    /// The options are refused; EDK2 also ends a transfer with it once it knows the file's size.
    public static let optionsRefused = TFTPErrorCode(rawValue: 8)
}
