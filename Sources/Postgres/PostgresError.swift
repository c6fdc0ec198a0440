// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why something asked of the database did not happen.
///
/// Two errors are equal when their codes are. A cancelled task gets `CancellationError` instead.
public struct PostgresError: Error, Equatable, CustomStringConvertible {
    /// What a caller can act on. SQLSTATE names are those of the PostgreSQL manual, appendix A.
    public enum Code: Sendable, Hashable {
        /// No connection could be opened.
        case connectionFailed
        /// An open connection ended. A write that was in flight may or may not have happened.
        case connectionLost
        /// The statement ran, or waited in its connection, longer than allowed.
        case timeout
        /// No connection was free in time, or too many callers were waiting already.
        case poolExhausted
        /// The pool has been shut down.
        case poolClosed
        /// 23505.
        case uniqueViolation(constraint: String)
        /// 23503.
        case foreignKeyViolation(constraint: String)
        /// 23514.
        case checkViolation(constraint: String)
        /// 23P01.
        case exclusionViolation(constraint: String)
        /// 23502.
        case notNullViolation(column: String)
        /// 40001: the transaction must be run again from its start.
        case serializationFailure
        /// 40P01: the transaction must be run again from its start.
        case deadlockDetected
        /// 25006: the server has become a standby. The connection is dropped.
        case readOnlyServer
        /// A prepared statement outlived a change of the schema; it was not executed.
        case stalePlan
        /// COMMIT was answered by ROLLBACK: a statement had failed and its error had been swallowed.
        case transactionAborted
        /// The query cannot be sent: text with a NUL byte, or too many parameters.
        case invalidParameter
        /// A column is missing, NULL, or not of the type asked for.
        case decoding(column: String)
        /// Migrations that were applied do not agree with the program's.
        case migration
        /// Any other error of the server, by its five characters.
        case sqlState(String)
    }

    /// What to act on.
    public let code: Code
    /// The server's, libpq's or our words.
    public let message: String
    /// The server's DETAIL, if any. May quote values of rows, so it does not belong into logs.
    public let detail: String?
    /// What led to this error, if it was another one.
    public let cause: (any Error)?
    /// Where it was thrown.
    public let file: String
    /// Where it was thrown.
    public let line: Int

    /// Makes an error that says where it was made.
    public init(
        _ code: Code,
        _ message: String,
        detail: String? = nil,
        cause: (any Error)? = nil,
        file: String = #fileID,
        line: Int = #line
    ) {
        self.code = code
        self.message = message
        self.detail = detail
        self.cause = cause
        self.file = file
        self.line = line
    }

    /// Compares the codes only.
    public static func == (left: PostgresError, right: PostgresError) -> Bool {
        left.code == right.code
    }

    /// Whether the same call may succeed a little later. Repeat a write only if doing it twice does no harm.
    public var isRetryable: Bool {
        switch self.code {
        case .connectionFailed, .connectionLost, .timeout, .poolExhausted, .serializationFailure, .deadlockDetected,
            .readOnlyServer, .stalePlan:
            return true
        case .sqlState(let state):
            // Insufficient resources (class 53), lock_not_available, operator intervention (57P0x).
            return state.hasPrefix("53") || state == "55P03" || state.hasPrefix("57P0")
        case .poolClosed, .uniqueViolation, .foreignKeyViolation, .checkViolation, .exclusionViolation, .notNullViolation,
            .transactionAborted, .invalidParameter, .decoding, .migration:
            return false
        }
    }

    /// Code, message and cause, for logs. Not the detail: in it the server quotes values of rows.
    public var description: String {
        var text = "\(self.code): \(self.message)"
        if let cause = self.cause { text += "; because of \(cause)" }
        return text
    }

    /// Whether a transaction that failed with this error may be run again from its start: it did not commit.
    var allowsTransactionRetry: Bool {
        switch self.code {
        case .serializationFailure, .deadlockDetected, .stalePlan: true
        default: false
        }
    }
}

extension PostgresError {
    /// The fields of a server's ErrorResponse that are looked at (PostgreSQL protocol, "Error and Notice Message Fields").
    struct ServerFields: Sendable, Equatable {
        var sqlState: String
        var message: String
        var detail: String?
        var constraint: String?
        var column: String?
    }

    /// Maps what the server said to a code.
    init(server fields: ServerFields, file: String = #fileID, line: Int = #line) {
        let constraint = fields.constraint ?? ""
        let code: Code
        switch fields.sqlState {
        case "23505": code = .uniqueViolation(constraint: constraint)
        case "23503": code = .foreignKeyViolation(constraint: constraint)
        case "23514": code = .checkViolation(constraint: constraint)
        case "23P01": code = .exclusionViolation(constraint: constraint)
        case "23502": code = .notNullViolation(column: fields.column ?? "")
        case "40001": code = .serializationFailure
        case "40P01": code = .deadlockDetected
        case "57014": code = .timeout
        case "25006": code = .readOnlyServer
        case "26000": code = .stalePlan
        // "cached plan must not change result type"; other uses of feature_not_supported have other words.
        case "0A000" where fields.message.contains("cached plan"): code = .stalePlan
        // The server ends the session: shutdown, crash of a sibling, dropped database, idle too long in a transaction.
        case "57P01", "57P02", "57P04", "57P05", "25P03", "08000", "08003", "08006": code = .connectionLost
        case "": code = .connectionLost
        default: code = .sqlState(fields.sqlState)
        }
        self.init(code, fields.message, detail: fields.detail, file: file, line: line)
    }
}
