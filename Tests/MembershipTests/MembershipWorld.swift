// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Leasing

@testable import Membership

/// A cluster in one thread under one seed: connections like TCP's (late under loss, in order), cuts, members that die, freeze and drift.
final class MembershipWorld {
    struct Member {
        let id: SystemID
        var core: MembershipCore
        let rate: Double
        var isUp = true
        var isPaused = false
        var backlog: [MembershipEvent] = []
    }

    struct Change {
        let time: Double
        let member: Int
        let removed: [Int]
        let joined: [Int]
    }

    let roster: Roster
    var members: [Member] = []
    var time = 0.0
    var loss = 0.0
    /// From whom to whom nothing comes through.
    var cuts: Set<[Int]> = []
    var changes: [Change] = []
    /// Who has accused anybody.
    var accusers: Set<Int> = []
    var strangers: Set<SystemID> = []
    var failure: String?
    private var random: SplitMix
    private var queue = EventQueue()
    private var arrivals: [Double]
    private var sent = 0
    private let indices: [SystemID: Int]
    private let mutations: MembershipMutation

    static func names(_ count: Int) -> [SystemID] {
        var random = SplitMix(state: 99)
        return (0..<count).map { _ in SystemID.random(using: &random) }.sorted()
    }

    static func roster(_ count: Int, version: UInt64 = 1, segments: Set<Int> = []) -> Roster {
        Roster(
            version: version,
            members: Self.names(count).enumerated().map { .init(id: $1, role: $0 == 0 ? .region : .rack, segments: segments) })
    }

    init(seed: UInt64, members count: Int, mutations: MembershipMutation = []) {
        self.random = SplitMix(state: seed)
        self.mutations = mutations
        self.roster = Self.roster(count)
        self.arrivals = Array(repeating: 0, count: count * count * 2)
        self.indices = Dictionary(uniqueKeysWithValues: self.roster.members.enumerated().map { ($1.id, $0) })
        for (index, member) in self.roster.members.enumerated() {
            let rate = 1 + self.random.double(-0.01, 0.01)
            self.members.append(Member(id: member.id, core: self.core(member.id, rate: rate), rate: rate))
            self.tick(index, at: self.random.double(0, 0.25))
        }
        for index in 0..<count { self.connect(index, above: index) }
    }

    private func core(_ id: SystemID, rate: Double) -> MembershipCore {
        MembershipCore(member: id, roster: self.roster, now: self.now(rate), mutations: self.mutations)
    }

    private func now(_ rate: Double) -> Instant { Instant(nanoseconds: Int64(self.time * rate * 1e9)) }

    private func tick(_ index: Int, at time: Double) {
        self.queue.push(time: time) { [unowned self] in
            if self.members[index].isUp, !self.members[index].isPaused { self.give(.timeElapsed, to: index) }
            self.tick(index, at: time + 0.25)
        }
    }

    /// Both ends of all connections of a member that are not cut learn that they are there.
    private func connect(_ index: Int, above least: Int = -1) {
        for neighbour in self.members[index].core.neighbours {
            guard let other = self.indices[neighbour], other > least, !self.cuts.contains([index, other]), !self.cuts.contains([other, index]) else {
                continue
            }
            for (one, peer) in [(index, other), (other, index)] where self.members[one].isUp && self.members[peer].isUp {
                let id = self.members[peer].id
                self.queue.push(time: self.time) { [unowned self] in self.give(.connected(id), to: one) }
            }
        }
    }

    func give(_ event: MembershipEvent, to index: Int) {
        guard self.members[index].isUp else { return }
        guard !self.members[index].isPaused else {
            self.members[index].backlog.append(event)
            return
        }
        for effect in self.members[index].core.handle(event, now: self.now(self.members[index].rate)) {
            switch effect {
            case .send(let message, to: let receiver): self.send(message, from: index, to: receiver)
            case .report(.viewChanged(removed: let removed, joined: let joined)):
                self.changes.append(
                    Change(
                        time: self.time, member: index, removed: removed.compactMap { self.indices[$0] },
                        joined: joined.compactMap { self.indices[$0] }))
            case .report(.strangerRefused(let stranger)): self.strangers.insert(stranger)
            case .report(.rosterOutdated): self.failure = "a roster was said to be outdated"
            }
        }
        if let own = self.members[index].core.records[self.members[index].id], !own.charges.isEmpty { self.accusers.insert(index) }
    }

    private func send(_ message: MembershipMessage, from sender: Int, to receiver: SystemID) {
        guard let index = self.indices[receiver], !self.cuts.contains([sender, index]) else { return }
        self.sent += 1
        if self.sent % 64 == 0 {
            let bytes = message.encoded()
            let isRead = (try? MembershipMessage(decoding: bytes)) == message  // the next line says so when it throws
            if bytes.count > MembershipMessage.maximumLength || !isRead { self.failure = "\(message) is not read as it was written" }
        }
        // A tail-loss probe after 10 ms, then retransmissions after 200 ms, doubled.
        var delay = 0.0003
        var pause = 0.01
        while self.random.chance(self.loss), delay < 20 {
            delay += pause
            pause = pause == 0.01 ? 0.2 : 2 * pause
        }
        var connection = (sender * self.members.count + index) * 2
        if case .heartbeat = message { connection += 1 }
        let arrival = max(self.arrivals[connection], self.time + delay)
        self.arrivals[connection] = arrival
        let id = self.members[sender].id
        self.queue.push(time: arrival) { [unowned self] in
            if !self.cuts.contains([sender, index]) { self.give(.received(message, from: id), to: index) }
        }
    }

    func run(for seconds: Double) {
        let end = self.time + seconds
        while self.time < end, let (time, body) = self.queue.pop() {
            guard time <= end else {
                self.queue.push(time: time, body)
                break
            }
            self.time = time
            body()
        }
        self.time = end
    }

    func crash(_ index: Int) { self.members[index].isUp = false }

    func restart(_ index: Int) {
        self.members[index].core = self.core(self.members[index].id, rate: self.members[index].rate)
        self.members[index].isUp = true
        self.connect(index)
    }

    func pause(_ index: Int) { self.members[index].isPaused = true }

    /// Runs a member again; its clock notices before or after what had piled up.
    func resume(_ index: Int) {
        self.members[index].isPaused = false
        let backlog = self.members[index].backlog
        self.members[index].backlog = []
        if self.random.chance(0.7) { self.give(.timeElapsed, to: index) }
        for event in backlog { self.give(event, to: index) }
    }

    func heal() {
        let ends = Set(self.cuts.flatMap { $0 })
        self.cuts = []
        for index in ends { self.connect(index) }
    }

    func view(_ index: Int) -> [Int] { self.members[index].core.view.compactMap { self.indices[$0] } }
}
