// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Tokens for one rack. Idempotent: a rack remembers the highest generation it was ever handed (rule R6).
public struct TokenGrant: Sendable, Hashable, Codable {
    public var segmentID: Int
    public var rack: SystemID
    /// The journal that these tokens are for: a rack that lost its disk must not take them a second time.
    public var journal: UInt64
    public var tokens: [Token]

    public init(segmentID: Int, rack: SystemID, journal: UInt64, tokens: [Token]) {
        self.segmentID = segmentID
        self.rack = rack
        self.journal = journal
        self.tokens = tokens
    }
}

/// Says that tokens are in a rack's journal, or were there before: the authority need not send them again.
public struct TokenReceipt: Sendable, Hashable, Codable {
    public var segmentID: Int
    public var rack: SystemID
    public var journal: UInt64
    public var tokens: [Token]

    public init(segmentID: Int, rack: SystemID, journal: UInt64, tokens: [Token]) {
        self.segmentID = segmentID
        self.rack = rack
        self.journal = journal
        self.tokens = tokens
    }
}

/// How many more tokens a rack can use.
public struct TokenDemand: Sendable, Hashable, Codable {
    public var segmentID: Int
    public var rack: SystemID
    public var journal: UInt64
    public var wanted: Int
    /// Unspent tokens at hand.
    public var held: Int

    public init(segmentID: Int, rack: SystemID, journal: UInt64, wanted: Int, held: Int) {
        self.segmentID = segmentID
        self.rack = rack
        self.journal = journal
        self.wanted = wanted
        self.held = held
    }
}

/// A rack asks to serve for another while.
public struct ServingGrantRequest: Sendable, Hashable, Codable {
    public var segmentID: Int
    public var rack: SystemID
    /// Identifies the rack's durable memory; a new one means that the old one was lost.
    public var journal: UInt64
    /// Identifies the running process: grants do not survive a restart (rule R9).
    public var incarnation: UInt64
    public var number: UInt64
    /// The version of the generation vector that the rack has applied.
    public var knownVersion: UInt64
    /// True when the rack's grant had not ended when it asked, so that no generation can have ended without it. Nil, from racks that do
    /// not say so, counts as false.
    public var isContinuing: Bool?

    public init(
        segmentID: Int, rack: SystemID, journal: UInt64, incarnation: UInt64, number: UInt64, knownVersion: UInt64,
        isContinuing: Bool? = nil
    ) {
        self.isContinuing = isContinuing
        self.segmentID = segmentID
        self.rack = rack
        self.journal = journal
        self.incarnation = incarnation
        self.number = number
        self.knownVersion = knownVersion
    }
}

/// The current generation of every address whose generation changed after a version; all others are as the rack knows them.
public struct GenerationVector: Sendable, Hashable, Codable {
    /// The rack must have applied this version before.
    public var since: UInt64
    /// What the rack knows afterwards.
    public var version: UInt64
    /// Everything older than these is over.
    public var generations: [Token]

    public init(since: UInt64, version: UInt64, generations: [Token]) {
        self.since = since
        self.version = version
        self.generations = generations
    }
}

/// Leave to serve, for `seconds` counted by the rack from the *sending* of its request (rule R10). Not exclusive.
public struct ServingGrant: Sendable, Hashable, Codable {
    public var segmentID: Int
    public var rack: SystemID
    public var incarnation: UInt64
    /// The number of the request that is answered.
    public var number: UInt64
    public var seconds: Int
    /// What the rack purges before the grant takes effect (rule R7).
    public var vector: GenerationVector

    public init(segmentID: Int, rack: SystemID, incarnation: UInt64, number: UInt64, seconds: Int, vector: GenerationVector) {
        self.segmentID = segmentID
        self.rack = rack
        self.incarnation = incarnation
        self.number = number
        self.seconds = seconds
        self.vector = vector
    }
}

/// Asks every rack of a segment to end these generations (rule R4).
public struct RecycleRequest: Sendable, Hashable, Codable {
    public var segmentID: Int
    public var tokens: [Token]

    public init(segmentID: Int, tokens: [Token]) {
        self.segmentID = segmentID
        self.tokens = tokens
    }
}

/// Says that a rack will never act on these generations again; its floors are durable.
public struct RecycleAcknowledgement: Sendable, Hashable, Codable {
    public var segmentID: Int
    public var rack: SystemID
    public var journal: UInt64
    public var tokens: [Token]

    public init(segmentID: Int, rack: SystemID, journal: UInt64, tokens: [Token]) {
        self.segmentID = segmentID
        self.rack = rack
        self.journal = journal
        self.tokens = tokens
    }
}
