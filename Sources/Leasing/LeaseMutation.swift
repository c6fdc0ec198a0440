// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Rules to be broken on purpose: the simulation must notice each. Empty outside the tests.
struct LeaseMutation: OptionSet, Sendable {
    let rawValue: Int

    /// R1 without the durable debit: after a crash an address is there again.
    static let undurableDebit = LeaseMutation(rawValue: 1)
    /// R2: gives an address to another client once its lease ended.
    static let unsticky = LeaseMutation(rawValue: 2)
    /// R3: believes what a client says of its binding.
    static let adopts = LeaseMutation(rawValue: 4)
    /// R5: takes news of generations below the floor.
    static let takesOldNews = LeaseMutation(rawValue: 8)
    /// R6: takes a token again.
    static let takesTokensTwice = LeaseMutation(rawValue: 16)
    /// R7: serves without purging.
    static let skipsPurge = LeaseMutation(rawValue: 32)
    /// R8: acknowledges recycling right after a crash.
    static let hasty = LeaseMutation(rawValue: 64)
    /// Serves when the grant ended.
    static let ignoresGrantEnd = LeaseMutation(rawValue: 128)
    /// R4 at the authority: a rack that is not heard of must be dead.
    static let presumesDead = LeaseMutation(rawValue: 256)
    /// R11: believes the generations of a database that was put back.
    static let trustsRestoredDatabase = LeaseMutation(rawValue: 512)
    /// R11: ends the generation that the database tells of, and not those that it may have lost.
    static let endsOnlyKnownGenerations = LeaseMutation(rawValue: 1_024)
    /// R11: a rack whose grant ended before the database was put back keeps what it knew.
    static let sparesLapsedRacks = LeaseMutation(rawValue: 2_048)
}
