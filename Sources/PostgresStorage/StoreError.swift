// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Postgres

/// Why the store did not do something.
///
/// Two errors are equal when their codes are.
public struct StoreError: Error, Equatable, CustomStringConvertible {
    /// What a caller can act on. Fields are the names of the API's forms.
    public enum Code: Sendable, Hashable {
        /// There is no such thing.
        case notFound
        /// Something else has the value already, which has to be unique.
        case conflict(field: String)
        /// A machine was changed since it was read: read it again.
        case staleVersion
        /// The value can't be stored; with the field `__all__` the whole request is refused.
        case invalid(field: String)
        /// The database can't be reached or is too busy: try again later.
        case unavailable
        /// A bug, or data that can't be read.
        case failed
    }

    /// What to act on.
    public let code: Code
    /// In words for the user; without secrets.
    public let message: String
    /// What led to it.
    public let cause: (any Error)?

    /// An error with its cause.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The messages by field for a 400 answer; nil unless the request is to blame.
    public var fields: [String: [String]]? {
        switch self.code {
        case .conflict(let field), .invalid(let field): [field: [self.message]]
        case .notFound, .staleVersion, .unavailable, .failed: nil
        }
    }

    /// - Parameter what: such as `zone 12`.
    public static func notFound(_ what: String) -> StoreError {
        StoreError(.notFound, "There is no \(what).")
    }

    /// A value that something else has already.
    public static func conflict(field: String, message: String) -> StoreError {
        StoreError(.conflict(field: field), message)
    }

    /// A value that can't be stored.
    public static func invalid(field: String, message: String) -> StoreError {
        StoreError(.invalid(field: field), message)
    }

    /// A request that is refused as a whole, such as deleting what is in use.
    public static func refused(_ message: String) -> StoreError {
        .invalid(field: "__all__", message: message)
    }

    /// Compares the codes only.
    public static func == (left: StoreError, right: StoreError) -> Bool {
        left.code == right.code
    }

    /// Code, message and cause, for logs.
    public var description: String {
        self.cause.map { "\(self.code): \(self.message) (\($0))" } ?? "\(self.code): \(self.message)"
    }
}
