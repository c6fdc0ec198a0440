// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why a BMC did not do what it was asked.
public struct BMCError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Never `succeeded`.
    public var outcome: PowerOutcome
    /// For the operator. Holds no secret.
    public var message: String

    public init(_ outcome: PowerOutcome, _ message: String) {
        self.outcome = outcome
        self.message = message
    }

    public var description: String { "\(self.outcome.rawValue): \(self.message)" }
}
