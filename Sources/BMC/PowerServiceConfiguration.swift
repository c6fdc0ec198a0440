// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The bounds of a `PowerService`.
public struct PowerServiceConfiguration: Sendable, Hashable {
    /// How many BMCs are talked to at the same instant; each takes a thread while a session is open, some 20 ms. A BMC that does not answer
    /// takes one for at most 10 s of every try.
    public var threads: Int
    /// How many operations may wait for a thread.
    public var waitingOperations: Int
    /// How many operations may wait for their turn on one BMC; more means that somebody repeats without listening.
    public var waitingPerBMC: Int
    /// How many results are kept for repeated ids.
    public var rememberedResults: Int
    /// Deadlines beyond this are cut.
    public var longestDeadline: Duration

    public init(
        threads: Int = 8, waitingOperations: Int = 1024, waitingPerBMC: Int = 8, rememberedResults: Int = 256,
        longestDeadline: Duration = .seconds(600)
    ) {
        self.threads = threads
        self.waitingOperations = waitingOperations
        self.waitingPerBMC = waitingPerBMC
        self.rememberedResults = rememberedResults
        self.longestDeadline = longestDeadline
    }
}
