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
    /// R11: forgets that the client of a lease that was given up goes on with it.
    static let forgetsGivenUp = LeaseMutation(rawValue: 4_096)
    /// R4: acknowledges the end of a generation in which a client still has its lease.
    static let endsLiveLeases = LeaseMutation(rawValue: 8_192)
    /// R4: acknowledges before the floor is on disk.
    static let acknowledgesBeforeDisk = LeaseMutation(rawValue: 16_384)
    /// R4 at the authority: the word of the rack that had the token is enough.
    static let asksOnlyTheOwner = LeaseMutation(rawValue: 32_768)
    /// R4 at the authority: reserves an address that is not drained.
    static let reservesUndrained = LeaseMutation(rawValue: 65_536)
    /// R6: takes tokens that are for another journal.
    static let takesStrangersTokens = LeaseMutation(rawValue: 131_072)
    /// R7: counts a grant from the answer and not from the request.
    static let countsGrantFromAnswer = LeaseMutation(rawValue: 262_144)
    /// R4 at the authority: forgets that the clients of a rack that was powered off go on with their leases.
    static let fencesClients = LeaseMutation(rawValue: 524_288)
}
