// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why the TFTP server cannot start.
public struct TFTPServiceError: Error, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// A setting is out of its range.
        case invalidConfiguration
        /// A socket cannot be opened or bound.
        case socketFailed
        /// The server's thread cannot be started.
        case threadFailed
    }

    public let code: Code
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { self.message }

    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
