// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

/// The region's half of leasing for one segment: it mints generations of addresses, lets racks serve, and ends generations.
///
/// One linearizable object: load it, handle events, store it if it has changes, and only then carry out the effects, all under
/// one lock. `now` is the database's clock; it is never taken to go backwards. Messages may be lost, late or doubled.
public struct LeaseAuthority: Sendable, Codable {
    public let segmentID: Int
    public let terms: LeaseTerms
    /// Counts changes of generations.
    public internal(set) var version: UInt64 = 0
    var clock = Instant.distantPast
    var ranges: [AddressRange] = []
    var wishes: [ReservationWish] = []
    var ensemble: [SystemID] = []
    var racks: [RackEntry] = []
    /// Every address that was ever minted or reserved, ascending.
    var addresses: [AddressEntry] = []
    /// No address below was left out of `addresses` in any range.
    var freshStart: UInt32 = 0
    /// The database's timeline when it is not its first: an address that it does not know may have been given out (rule R11).
    var timeline: UInt32?
    /// Something happened that must be stored before the effects are carried out. Whoever stores sets it back.
    public var hasChanges = false
    var mutations: LeaseMutation = []

    private enum CodingKeys: String, CodingKey {
        case segmentID, terms, version, clock, ranges, wishes, ensemble, racks, addresses, freshStart, timeline
    }

    /// How many generations are being ended at a time for want of addresses.
    static let recyclingAtOnce = 64
    static let resendSeconds = 5
    static let abandonSeconds = 300

    public init(segmentID: Int, terms: LeaseTerms = .standard) {
        self.segmentID = segmentID
        self.terms = terms
    }

    /// What the authority knows of a rack.
    struct RackEntry: Sendable, Codable {
        var rack: SystemID
        var journal: UInt64
        /// Not before this is the rack's grant over, whatever its clock does.
        var grantEnd: Instant
        var wanted = 0
        var held = 0
    }

    /// One address in its current generation.
    struct AddressEntry: Sendable, Codable {
        enum State: Int, Codable {
            /// The generation exists and nobody has it.
            case vacant = 0
            /// A rack has the token, or had.
            case minted = 1
            case reserved = 2
        }

        var address: IPv4Address
        var generation: UInt32 = 0
        /// The authority's version when the generation began.
        var version: UInt64 = 0
        var state = State.vacant
        var rack: SystemID?
        var journal: UInt64 = 0
        /// The rack has the token in its journal.
        var isDelivered = false
        var sent = Instant.distantPast
        /// When the lease ends, as far as reports say. Only a hint of what to recycle.
        var leaseEnd: Instant?
        /// The machine that it is reserved for.
        var client: MACAddress?
        var recycling: Recycling?
        /// When it was last tried to end a generation.
        var attempted = Instant.distantPast
        /// The database may have lost later generations (rule R11). Nil counts as false, here and in what older regions stored.
        var isSuspect: Bool?

        init(address: IPv4Address) {
            self.address = address
        }

        enum CodingKeys: String, CodingKey {
            case address = "a", generation = "g", version = "v", state = "s", rack = "r", journal = "j", isDelivered = "d"
            case sent = "t", leaseEnd = "e", client = "c", recycling = "y", attempted = "p", isSuspect = "u"
        }
    }

    /// A generation that is being ended.
    struct Recycling: Sendable, Codable {
        var acknowledged: [SystemID] = []
        var began: Instant
        var sent = Instant.distantPast
        /// Not for want of addresses, but because the operator wants the address otherwise: never given up.
        var isForced: Bool
    }

    /// The reservations that racks may honour, ascending by address.
    public var reservations: [Reservation] {
        self.addresses.compactMap { entry in
            guard entry.state == .reserved, entry.recycling == nil, let client = entry.client else { return nil }
            return Reservation(client: client, address: entry.address, generation: entry.generation)
        }
    }

    /// How many addresses there are for machines without a reservation.
    public var poolSize: Int {
        self.ranges.reduce(0) { $0 + $1.count }
    }

    /// How many of them no rack holds.
    public var vacantCount: Int {
        let known = self.addresses.filter { self.isInPool($0.address) }
        return max(0, self.poolSize - known.count) + known.filter { $0.state == .vacant }.count
    }

    /// Takes note of an event. See the type for how to store and send.
    public mutating func handle(_ event: LeaseAuthorityEvent, now given: Instant) -> [LeaseAuthorityEffect] {
        let outcome = self.outcome(of: event, now: given)
        if outcome.mustSave { self.hasChanges = true }
        return outcome.effects
    }

    private mutating func outcome(of event: LeaseAuthorityEvent, now given: Instant) -> LeaseAuthorityOutcome {
        let now = max(given, self.clock)
        self.clock = now
        var outcome = LeaseAuthorityOutcome()
        switch event {
        case .poolChanged(let ranges, let reservations):
            self.changePool(ranges: ranges, reservations: reservations, now: now, outcome: &outcome)
        case .ensembleChanged(let racks):
            let sorted = racks.sorted()
            if sorted != self.ensemble {
                self.ensemble = sorted
                outcome.mustSave = true
            }
        case .received(let message):
            guard message.segmentID == self.segmentID else { return outcome }
            self.receive(message, now: now, outcome: &outcome)
        case .fenced(let rack):
            if let index = self.racks.firstIndex(where: { $0.rack == rack }) {
                self.racks[index].grantEnd = self.mutations.contains(.fencesClients) ? .distantPast : min(self.racks[index].grantEnd, now)
                outcome.mustSave = true
            }
        case .databaseRestored(let timeline):
            self.doubtEverything(timeline: timeline, now: now, outcome: &outcome)
        case .timeElapsed:
            self.elapse(now: now, outcome: &outcome)
        }
        return outcome
    }

    private mutating func receive(_ message: LeaseRackMessage, now: Instant, outcome: inout LeaseAuthorityOutcome) {
        switch message {
        case .grantRequest(let request): self.answer(request, now: now, outcome: &outcome)
        case .receipt(let receipt): self.noteReceipt(receipt, outcome: &outcome)
        case .demand(let demand):
            guard let index = self.racks.firstIndex(where: { $0.rack == demand.rack && $0.journal == demand.journal }) else { return }
            self.racks[index].wanted = max(0, demand.wanted)
            self.racks[index].held = max(0, demand.held)
            self.satisfy(index, now: now, outcome: &outcome)
        case .recycled(let acknowledgement): self.note(acknowledgement, now: now, outcome: &outcome)
        case .report(let report): self.note(report, now: now, outcome: &outcome)
        }
    }

    // MARK: Grants

    func longestGrantEnd(_ now: Instant) -> Instant {
        now.advanced(byNanoseconds: self.terms.lengthened(self.terms.grantSeconds))
    }

    /// Rules R7 and R9.
    private mutating func answer(_ request: ServingGrantRequest, now: Instant, outcome: inout LeaseAuthorityOutcome) {
        guard self.ensemble.contains(request.rack) else { return }
        let end = self.longestGrantEnd(now)
        if let index = self.racks.firstIndex(where: { $0.rack == request.rack }) {
            if self.racks[index].journal != request.journal {
                self.forgetJournal(of: request.rack)
                self.racks[index].journal = request.journal
                self.racks[index].wanted = 0
                self.racks[index].held = 0
            }
            self.racks[index].grantEnd = max(self.racks[index].grantEnd, end)
        } else {
            self.racks.append(RackEntry(rack: request.rack, journal: request.journal, grantEnd: end))
        }
        outcome.mustSave = true
        // A rack that knows more than this database has seen one that was newer: everything is sent to it.
        let since = request.knownVersion <= self.version ? request.knownVersion : 0
        let changed = self.generations(since: since, isContinuing: request.isContinuing ?? false)
        let grant = ServingGrant(
            segmentID: self.segmentID, rack: request.rack, incarnation: request.incarnation, number: request.number,
            seconds: self.terms.grantSeconds,
            vector: GenerationVector(since: since, version: max(self.version, request.knownVersion), generations: changed)
        )
        outcome.effects.append(.send(.grant(grant), to: request.rack))
    }

    /// A rack lost its durable memory: what it acknowledged no longer binds it, and tokens on the way to it must not be sent again.
    private mutating func forgetJournal(of rack: SystemID) {
        for index in self.addresses.indices {
            self.addresses[index].recycling?.acknowledged.removeAll { $0 == rack }
        }
    }

    // MARK: Finding

    func isInPool(_ address: IPv4Address) -> Bool {
        self.ranges.contains { $0.contains(address) }
    }

    func index(of address: IPv4Address) -> Int? {
        let index = self.insertionIndex(of: address)
        guard index < self.addresses.count, self.addresses[index].address == address else { return nil }
        return index
    }

    func insertionIndex(of address: IPv4Address) -> Int {
        var low = 0
        var high = self.addresses.count
        while low < high {
            let middle = (low + high) / 2
            if self.addresses[middle].address < address { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
