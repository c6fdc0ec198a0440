// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import Leasing

/// Which members of the cluster are there, as one of them sees it: `docs/takeover.md`, section Membership.
///
/// The view is advice: no safety rests on it, so members agree on it by telling each other everything, and not by a vote. Each owns one
/// record; the newest version of each record floods over the overlay, and digests find what a flood has missed.
public struct MembershipCore: Sendable {
    /// A neighbour in the overlay.
    struct Edge: Sendable {
        var detector: EdgeDetector
        /// Whether this member observes it, rather than is observed by it only.
        var isSubject: Bool
        var nextHeartbeat: Instant
        var sequence: UInt64 = 0
        /// The last sequence that came from it.
        var heard: UInt64 = 0
        /// The last sequence of ours that it repeated.
        var echoed: UInt64 = 0
        var lastSynchronization = Instant.distantPast
    }

    /// Times in nanoseconds of the ``ListeningClock``.
    enum Timing {
        /// Between two digests.
        static let synchronization: Int64 = 10_000_000_000
        /// Between two full sets of records to one neighbour.
        static let synchronizationGap: Int64 = 1_000_000_000
        /// How long nobody new is accused before the view changes, and how long those in doubt can hold a change back.
        static let quiet: Int64 = 250_000_000
        static let patience: Int64 = 2_000_000_000
        /// How long a member that was removed must be without fault to come back.
        static let probation: Int64 = 30_000_000_000
        /// Between two refutations.
        static let refutation: Int64 = 5_000_000_000
    }

    public let member: SystemID
    public private(set) var roster: Roster
    /// Who is there, in ascending order.
    public var view: [SystemID] { self.present.sorted() }

    var present: Set<SystemID> = []
    /// Removed on the word of its observers, and when it was in doubt last.
    var removed: [SystemID: Instant] = [:]
    private(set) var records: [SystemID: MemberRecord]
    /// Of all records.
    private(set) var digest: RecordDigest
    var edges: [SystemID: Edge] = [:]
    /// The keys of `edges` in ascending order.
    var neighbours: [SystemID] = []
    var detector: CutDetector
    var clock: ListeningClock
    /// Since when a change is held back.
    var heldSince: Instant?
    var lastAccusation = Instant.distantPast
    var lastRefutation = Instant.distantPast
    var nextSynchronization: Instant
    var nextPartner = 0
    /// Whether anything came that the view may follow from.
    var isDirty = true
    var mutations: MembershipMutation

    /// - Parameters:
    ///   - member: this member, by its certificate.
    ///   - roster: a roster whose signature was checked.
    ///   - now: the boot-time clock.
    public init(member: SystemID, roster: Roster, now: Instant) {
        self.init(member: member, roster: roster, now: now, mutations: [])
    }

    init(member: SystemID, roster: Roster, now: Instant, mutations: MembershipMutation) {
        self.member = member
        self.roster = roster
        self.mutations = mutations
        self.clock = ListeningClock(now: now)
        self.clock.countsPauses = mutations.contains(.countsOwnPauses)
        self.records = [member: MemberRecord(id: member)]
        self.digest = RecordDigest(of: self.records.values)
        self.detector = CutDetector(overlay: Overlay(roster: roster))
        self.nextSynchronization = self.clock.listened
        self.layEdges()
    }

    var listened: Instant { self.clock.listened }

    public mutating func handle(_ event: MembershipEvent, now: Instant) -> [MembershipEffect] {
        var effects: [MembershipEffect] = []
        switch event {
        case .timeElapsed: self.elapse(to: now, &effects)
        case .received(let message, from: let sender): self.receive(message, from: sender, &effects)
        case .heard(let sender):
            let listened = self.listened
            self.edges[sender]?.detector.heard(listened: listened)
        case .connected(let peer):
            guard self.edges[peer] != nil else { break }
            effects.append(.send(self.digestMessage, to: peer))
        case .refused(let peer):
            self.edges[peer]?.detector.refused()
            self.accuse(&effects)
        case .rosterChanged(let roster):
            guard roster.version > self.roster.version else { break }
            self.take(roster)
        case .leaving:
            self.renew(&effects) { record in
                record.status = .left
                record.charges = []
            }
        }
        // Time passes with ticks only, so nothing else can end a wait.
        if self.isDirty || event == .timeElapsed { self.settle(&effects) }
        return effects
    }

    private mutating func take(_ roster: Roster) {
        self.roster = roster
        self.detector = CutDetector(overlay: Overlay(roster: roster))
        let members = Set(roster.members.map(\.id)).union([self.member])
        self.records = self.records.filter { members.contains($0.key) }
        self.digest = RecordDigest(of: self.records.values)
        self.removed = self.removed.filter { members.contains($0.key) }
        self.layEdges()
        self.isDirty = true
    }

    /// Makes the edges those of the overlay; what is known of one that stays is kept.
    private mutating func layEdges() {
        self.detector.mutations = self.mutations
        let overlay = self.detector.overlay
        let subjects = Set(overlay.subjects(of: self.member))
        let segments = Dictionary(uniqueKeysWithValues: self.roster.members.map { ($0.id, $0.segments) })
        let own = segments[self.member] ?? []
        let old = self.edges
        self.edges = [:]
        self.neighbours = overlay.neighbours(of: self.member)
        for neighbour in self.neighbours {
            let isClose = !own.isDisjoint(with: segments[neighbour] ?? [])
            let detector = EdgeDetector(isClose: isClose, listened: self.listened)
            // Heartbeats to different neighbours are spread over the interval, so that not all of them stop seeing a dead member at once.
            var hash = StableHash(seed: 0)
            hash.take(self.member)
            hash.take(neighbour)
            let phase = Int64(hash.mixed % 4) * (detector.interval / 4)
            var edge = Edge(detector: detector, isSubject: false, nextHeartbeat: self.listened.advanced(byNanoseconds: phase))
            if let kept = old[neighbour], kept.detector.interval == detector.interval { edge = kept }
            edge.isSubject = subjects.contains(neighbour)
            self.edges[neighbour] = edge
        }
    }

    /// Changes this member's own record and tells everybody.
    mutating func renew(_ effects: inout [MembershipEffect], _ change: (inout MemberRecord) -> Void) {
        var record = self.records[self.member] ?? MemberRecord(id: self.member)
        change(&record)
        record.version = Self.successor(record.version)
        self.store(record)
        self.flood([record], except: nil, &effects)
    }

    mutating func store(_ record: MemberRecord) {
        if let known = self.records.updateValue(record, forKey: record.id) { self.digest.remove(known) }
        self.digest.insert(record)
        self.isDirty = true
    }

    /// The next number, or the last one there is: an absurd number of a peer must not end this process.
    static func successor(_ number: UInt64) -> UInt64 { number == .max ? .max : number + 1 }

    func flood(_ records: [MemberRecord], except sender: SystemID?, _ effects: inout [MembershipEffect]) {
        for message in MembershipMessage.splitting(records, wantsReply: false) {
            for neighbour in self.neighbours where neighbour != sender { effects.append(.send(message, to: neighbour)) }
        }
    }

    var digestMessage: MembershipMessage { .digest(rosterVersion: self.roster.version, self.digest) }

    var sortedRecords: [MemberRecord] { self.records.values.sorted { $0.id < $1.id } }
}
