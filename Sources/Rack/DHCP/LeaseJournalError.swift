// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why a rack's lease journal cannot be used.
public struct LeaseJournalError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The system refused; the message says what and why.
        case system
        /// Another process has it open.
        case inUse
        /// An entry that was once on disk cannot be read any more. What came after it cannot be trusted either.
        case damaged
        /// An earlier write failed: only a rewrite helps.
        case needsRewrite
    }

    public let code: Code
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.code == right.code
    }

    public var description: String { "\(self.code.rawValue): \(self.message)" }
}
