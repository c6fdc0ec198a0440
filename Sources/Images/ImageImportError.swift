// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why images were not imported. What was stored before is still there.
public struct ImageImportError: Error, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// The source does not answer, or has no such file.
        case unreachable
        /// A document is not signed by a key of the keyring.
        case badSignature
        /// A document is not what simplestreams says, or names files outside its tree.
        case badDocument
        /// A file is not what the stream says.
        case wrongContent
        case diskFull
        case storageFailed
        /// The stream has nothing of what was selected.
        case nothingSelected
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
