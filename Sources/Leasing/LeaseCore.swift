// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// A rack's lease state for one segment, by the rules R1 to R8 of `docs/dhcp.md`.
///
/// Clients' messages go through ``decide(_:now:)``, which allocates nothing; everything else through ``handle(_:now:)``.
/// Safety lies in how addresses are partitioned: a new binding needs a token that only this rack holds, a known one is only ever
/// extended for its own client, and both need a serving grant that has not ended.
public struct LeaseCore: Sendable {
    public let rack: SystemID
    public let terms: LeaseTerms
    /// Identifies the durable memory.
    public private(set) var journal: UInt64
    /// Identifies this run.
    public let incarnation: UInt64
    public internal(set) var segment: LeaseSegment

    var table: AddressTable
    /// Unspent tokens, least recently used first.
    var freeQueue = SlotQueue()
    /// Written off and not given out, least recently offered first.
    var readyQueue = SlotQueue()
    /// From a client to the slot reserved for it.
    var reservations = FlatIndex()
    /// Slots with something that the journal, the region or the other racks have not been told.
    var changed: [Int32] = []

    var grantEnd = Instant.distantPast
    /// The requests without an answer, newest last, at most eight.
    var grantRequests: [GrantRequestNote] = []
    var grantRequestNumber: UInt64 = 0
    var nextGrantRequest = Instant.distantPast
    var nextDemand = Instant.distantPast
    var lastDemand = Instant.distantPast
    /// The generation vector that has been applied.
    var knownVersion: UInt64 = 0

    var sequence: UInt64 = 0
    var pending: [PendingWrite] = []
    /// The debits being written.
    var debiting = 0
    public internal(set) var storageFailed = false
    var storageRetry = Instant.distantPast
    /// Rule R8: recycling is not acknowledged before.
    var acknowledgesAfter = Instant.distantPast

    public internal(set) var isActive = true
    var hasPeers = false
    var isStopped = false
    /// A client could not be served although tokens are left.
    var ranDry = false
    /// A client could not be served because no token is left.
    var ranOut = false
    var mutations: LeaseMutation = []

    /// Builds the state from a journal.
    ///
    /// - Parameters:
    ///   - journal: the identity for a journal that has none: random.
    ///   - incarnation: random for each start.
    ///   - records: the journal as it was read; empty for a new one.
    ///   - recent: bindings that a process which was killed left beside its journal; see ``bindingAwaitingDisk(of:)``.
    public init(
        segment: LeaseSegment, rack: SystemID, terms: LeaseTerms = .standard, journal: UInt64, incarnation: UInt64,
        records: [LeaseRecord], recent: [AddressRecord] = [], now: Instant
    ) {
        self.segment = segment
        self.rack = rack
        self.terms = terms
        self.journal = journal
        self.incarnation = incarnation
        self.table = AddressTable(capacity: terms.maximumAddresses)
        for record in records {
            switch record {
            case .header(let journal): self.journal = journal
            case .vector(let version): self.knownVersion = max(self.knownVersion, version)
            case .addresses(let records):
                for record in records { self.restore(record, now: now) }
            case .clean: break
            }
        }
        for record in recent { self.remember(record, now: now) }
        if records.last != .clean {
            self.acknowledgesAfter = now.advanced(byNanoseconds: terms.lengthened(terms.maximumLeaseSeconds))
        }
        for index in self.table.slots.indices { self.settle(index) }
        self.applyReservations()
    }

    /// True when ``LeaseEvent/timeElapsed`` should come soon: something waits to be written, reported or written off.
    public var needsAttention: Bool {
        !self.changed.isEmpty || self.isShort || self.wantsDebit
    }

    /// True when it should come at once: clients wait, or soon will.
    public var isShort: Bool {
        self.ranDry || self.ranOut || self.wantsDebit && self.readyQueue.count < self.debitSize / 2
    }

    /// How many more tokens this rack can use.
    public var tokenDemand: Int {
        max(0, self.terms.tokenTarget - self.unspent)
    }

    /// Tokens held, written off or not, that no client has.
    var unspent: Int {
        self.freeQueue.count + self.readyQueue.count + self.debiting
    }

    /// True while the grant has not ended.
    public func isGranted(now: Instant) -> Bool {
        now < self.grantEnd || self.mutations.contains(.ignoresGrantEnd)
    }

    // MARK: Reading the journal

    /// The newest record of an address counts, so this only notes what it says; see ``settle(_:)``.
    private mutating func restore(_ record: AddressRecord, now: Instant) {
        guard let index = self.table.indexMakingSlot(of: record.address) else { return }
        var slot = self.table[index]
        slot.floor = max(slot.floor, record.floor)
        slot.handed = record.handed
        slot.generation = record.generation
        slot.client = 0
        slot.expiry = .distantPast
        switch record.state {
        case .vacant: slot.state = .vacant
        case .token: slot.state = .free
        case .debited: slot.state = .undecided
        case .bound:
            slot.state = .bound
            slot.client = record.client.rawValue
            // When the lease ends is not recorded: as late as it may be.
            slot.expiry = now.advanced(byNanoseconds: self.terms.lengthened(self.terms.maximumLeaseSeconds))
        case .quarantined:
            slot.state = .quarantined
            slot.expiry = now.advanced(bySeconds: self.terms.quarantineSeconds)
        }
        self.table[index] = slot
    }

    private mutating func settle(_ index: Int) {
        let slot = self.table[index]
        switch slot.state {
        case .free: self.table.append(index, to: &self.freeQueue)
        case .bound:
            self.table.link(client: slot.client, to: index)
            self.noteChange(index, recorded: true, replicated: true)
        case .undecided, .quarantined: self.noteChange(index, recorded: true, replicated: true)
        case .vacant, .arriving, .debiting, .ready: break
        }
    }

    // MARK: Bookkeeping

    /// Puts a slot into the list of changes.
    mutating func noteChange(_ index: Int, recorded: Bool = false, reported: Bool = false, replicated: Bool = false) {
        if !recorded { self.table[index].isUnrecorded = true }
        if !reported { self.table[index].isUnreported = true }
        if !replicated { self.table[index].isUnreplicated = true }
        guard !self.table[index].isChanged else { return }
        self.table[index].isChanged = true
        self.changed.append(Int32(truncatingIfNeeded: index))
    }

    /// Takes a slot out of the queue that its state has it in.
    mutating func dequeue(_ index: Int) {
        guard self.table[index].reservedFor == 0 else { return }
        switch self.table[index].state {
        case .free: self.table.remove(index, from: &self.freeQueue)
        case .ready: self.table.remove(index, from: &self.readyQueue)
        case .vacant, .arriving, .debiting, .bound, .undecided, .quarantined: break
        }
    }

    /// Forgets what the current generation of an address is, but not its floor.
    mutating func vacate(_ index: Int) {
        self.dequeue(index)
        if self.table[index].state == .debiting { self.debiting -= 1 }
        self.table.unlink(client: self.table[index].client, from: index)
        self.table[index].state = .vacant
        self.table[index].client = 0
        self.table[index].isReleased = false
        self.table[index].isAwaitingDisk = false
        self.table[index].expiry = .distantPast
    }

    /// What the journal keeps of an address.
    ///
    /// - Parameter clean: at an orderly end what was written off but not given out is a token again.
    func record(_ index: Int, clean: Bool = false) -> AddressRecord {
        let slot = self.table[index]
        let state: AddressRecord.State =
            switch slot.state {
            case .vacant: .vacant
            case .arriving, .free: .token
            case .debiting, .ready: clean || self.mutations.contains(.undurableDebit) ? .token : .debited
            case .undecided: .debited
            case .bound: .bound
            case .quarantined: .quarantined
            }
        return AddressRecord(
            address: IPv4Address(rawValue: slot.address), state: state, generation: slot.generation, floor: slot.floor,
            handed: slot.handed, client: MACAddress(rawValue: slot.state == .bound ? slot.client : 0)
        )
    }

    /// The whole state as a new journal.
    ///
    /// - Parameters:
    ///   - clean: at an orderly end: what was not given out becomes a token again.
    ///   - marked: nothing was forgotten, not even before this run: the next one need not wait (rule R8).
    func snapshot(clean: Bool, marked: Bool = false) -> [LeaseRecord] {
        var records: [LeaseRecord] = [.header(journal: self.journal), .vector(version: self.knownVersion)]
        var batch: [AddressRecord] = []
        for index in self.table.slots.indices {
            let record = self.record(index, clean: clean)
            if record.state == .vacant, record.floor == 0, record.handed == 0 { continue }
            batch.append(record)
            if batch.count == 256 {
                records.append(.addresses(batch))
                batch.removeAll(keepingCapacity: true)
            }
        }
        if !batch.isEmpty { records.append(.addresses(batch)) }
        if marked { records.append(.clean) }
        return records
    }
}

/// A request for a grant that has no answer yet.
struct GrantRequestNote: Sendable {
    var number: UInt64
    var sent: Instant
    var isContinuing: Bool
}

/// What follows when a write is on disk.
struct PendingWrite: Sendable {
    enum Consequence: Sendable {
        case none
        case tokens([Token])
        case debits([Token])
        case acknowledgements([Token])
        /// The slots whose bindings are on disk then.
        case bindings([Int32])
    }

    var sequence: UInt64
    var consequence: Consequence
}
