// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Postgres

extension StoreError {
    /// What an error of the database means to a caller.
    init(_ error: PostgresError) {
        switch error.code {
        case .uniqueViolation(let constraint), .exclusionViolation(let constraint), .checkViolation(let constraint),
            .foreignKeyViolation(let constraint):
            guard let meaning = ConstraintMeaning.all[constraint] else {
                self.init(.failed, "The database refused the change: \(constraint).", cause: error)
                return
            }
            self.init(meaning.code, meaning.message, cause: error)
        case .invalidParameter:
            self.init(.invalid(field: "__all__"), "The text holds a NUL character.", cause: error)
        case .sqlState("22P05"), .sqlState("22021"):
            self.init(.invalid(field: "__all__"), "The text holds characters that can't be stored.", cause: error)
        case .sqlState("22003"), .sqlState("22008"):
            self.init(.invalid(field: "__all__"), "A number or a date is out of range.", cause: error)
        case _ where error.isRetryable, .poolClosed:
            self.init(.unavailable, "The database is not available.", cause: error)
        default:
            self.init(.failed, "The database failed.", cause: error)
        }
    }

    /// Whether the pool has to see the error itself, to run the transaction again.
    static func isForPool(_ error: PostgresError) -> Bool {
        switch error.code {
        case .serializationFailure, .deadlockDetected, .stalePlan: true
        default: false
        }
    }
}
