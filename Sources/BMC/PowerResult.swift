// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What came of a power operation; meant to be stored and shown as it is.
public struct PowerResult: Sendable, Hashable, Codable {
    public var outcome: PowerOutcome
    /// The last state that the BMC reported during the operation; nil when it never did.
    public var state: PowerState?
    /// For the operator: what happened, in words. Holds no secret.
    public var message: String

    public init(outcome: PowerOutcome, state: PowerState?, message: String) {
        self.outcome = outcome
        self.state = state
        self.message = message
    }
}
