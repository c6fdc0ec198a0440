// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why content was not stored. Nothing half-stored is left where readers look.
public struct ContentStoreError: Error, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// The content is not what its name says. It was removed.
        case wrongDigest
        /// Longer than was said.
        case wrongSize
        /// Shorter than was said: the end did not come.
        case incomplete
        case diskFull
        /// Somebody else is storing the same content at this moment.
        case busy
        /// Another refusal of the file system.
        case storageFailed
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Errors are equal when their codes are.
    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }

    public var description: String { self.message }
}
