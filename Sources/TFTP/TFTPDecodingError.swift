// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not a TFTP packet.
public enum TFTPDecodingError: Error, Equatable {
    /// The packet ends before a field that its kind must have.
    case truncated(field: String, count: Int, expected: Int)
    case unknownOpcode(UInt16)
    /// A text without its final zero byte.
    case unterminated(field: String, offset: Int)
    case emptyFilename
    /// The transfer mode is none of RFC 1350's.
    case unknownMode(String)
    /// The last option has no value.
    case optionWithoutValue(name: String)
    /// An option's name is empty.
    case emptyOptionName(offset: Int)
    /// RFC 2347: an option may be given once only.
    case repeatedOption(name: String)
    /// More bytes than a request may have.
    case tooLong(count: Int, limit: Int)
}
