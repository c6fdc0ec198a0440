// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

@testable import Leasing

/// Racks, an authority, clients and a bad network in one thread under one seed.
///
/// A client's lease counts from its own request on its own clock. Faults: crashes that lose what was not yet on disk, lost disks,
/// orderly restarts, pauses with the input queued, cuts, loss, duplicates, lateness, clock rates that differ by a percent, and
/// a region that forgets everything it was not told to save.
final class LeaseWorld {
    struct Profile {
        var racks = 3
        var addresses = 6
        var clients = 8
        var seconds = 1_000.0
        /// Loss between racks.
        var peerLoss = 0.1
        /// Racks come back within seconds, and crash more often.
        var isHarsh = false
        /// How many of the disk's writes take seconds.
        var slowWrites = 0.2
        /// The database fails over to a replica that lags behind.
        var restores = false
        /// Racks that fail are powered off, and the region is told once they are.
        var fences = false
        var mutations: LeaseMutation = []
    }

    struct Rack {
        var core: LeaseCore
        var rate: Double
        var offset: Int64
        var isUp = true
        var isPaused = false
        var backlog: [() -> Void] = []
        var disk: [LeaseRecord] = []
        /// Written and not yet synced.
        var tail: [LeaseEffect] = []
        var isSyncing = false
        var run = 0
        /// Floors that were acknowledged by this journal.
        var promised: [UInt32: UInt32] = [:]
    }

    struct Client {
        var rate: Double
        var lease: (address: UInt32, end: Double)?
        var last: UInt32 = 0
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    static let terms = LeaseTerms(
        maximumLeaseSeconds: 60, grantSeconds: 300, clockErrorPerMille: 20, debitBlock: 2, tokenTarget: 4, quarantineSeconds: 150,
        offerSeconds: 10
    )
    static let subnet = testNetwork("10.0.0.0/24")
    static let service = IPv4Address(rawValue: 0x0A00_00FE)
    static let names = ["3aaaaa", "3bbbbb", "3ccccc", "3ddddd"].compactMap { SystemID($0) }

    let profile: Profile
    var random: SplitMix
    var time = 0.0
    var racks: [Rack] = []
    var authority: LeaseAuthority
    var savedAuthority: LeaseAuthority
    /// Earlier states of the database, oldest first.
    var replicas: [LeaseAuthority] = []
    var timeline: UInt32 = 1
    /// Whom each token was ever minted for, and the highest generation of each address.
    var minted: [Token: UInt64] = [:]
    var highest: [IPv4Address: UInt32] = [:]
    var clients: [Client] = []
    var cuts: Set<Int> = []
    var failure: String?
    /// Who holds an address, as the clients think: address → client → end.
    var holds: [UInt32: [Int: Double]] = [:]
    /// Who was ever acknowledged in a generation.
    var owners: [Token: MACAddress] = [:]
    var counts: [String: Int] = [:]
    /// What happened, when somebody wants to know.
    var trace: [String] = []
    var isTraced = false
    private var queue = EventQueue()
    private var reservations: [Reservation] = []

    init(seed: UInt64, profile: Profile) {
        self.profile = profile
        // Not the generator's own step, or neighbouring seeds would walk the same numbers.
        self.random = SplitMix(state: seed &* 0xD1B5_4A32_D192_ED03 &+ 1)
        self.authority = LeaseAuthority(segmentID: 1, terms: Self.terms)
        self.authority.mutations = profile.mutations
        self.savedAuthority = self.authority
        for index in 0..<profile.racks {
            let rate = 1 + self.random.double(-0.01, 0.01)
            let offset = Int64(self.random.double(0, 1e13))
            let core = self.makeCore(index, journal: self.random.next(), records: [], now: Instant(nanoseconds: offset))
            self.racks.append(Rack(core: core, rate: rate, offset: offset))
        }
        for _ in 0..<profile.clients { self.clients.append(Client(rate: 1 + self.random.double(-0.01, 0.01))) }
    }

    private func makeCore(_ index: Int, journal: UInt64, records: [LeaseRecord], now: Instant) -> LeaseCore {
        var core = LeaseCore(
            segment: self.segment(), rack: Self.names[index], terms: Self.terms, journal: journal, incarnation: self.random.next(),
            records: records, now: now
        )
        core.mutations = self.profile.mutations
        return core
    }

    private func segment() -> LeaseSegment {
        LeaseSegment(
            segmentID: 1, subnet: Self.subnet, serviceAddress: Self.service, leaseSeconds: 60, reservations: self.reservations
        )
    }

    private func note(_ text: @autoclosure () -> String) {
        if self.isTraced { self.trace.append("\(self.time) \(text())") }
    }

    // MARK: Time and the network

    func after(_ delay: Double, _ body: @escaping () -> Void) {
        self.queue.push(time: self.time + delay, body)
    }

    /// -1 is the region; clients are never cut off for good.
    private func transmit(from source: Int, to target: Int, loss: Double, _ body: @escaping () -> Void) {
        if self.cuts.contains(source * 16 + target) || self.random.chance(loss) { return }
        for _ in 0..<(self.random.chance(0.1) ? 2 : 1) {
            let delay = self.random.chance(0.9) ? self.random.exponential(20) : self.random.double(0, 400)
            self.after(delay) {
                guard target >= 0 else { return body() }
                guard self.racks[target].isUp else { return }
                if self.racks[target].isPaused { self.racks[target].backlog.append(body) } else { body() }
            }
        }
    }

    private func now(_ rack: Int) -> Instant {
        Instant(nanoseconds: self.racks[rack].offset + Int64(self.time * self.racks[rack].rate * 1e9))
    }

    private var databaseNow: Instant { Instant(nanoseconds: Int64(self.time * 1e9)) }

    // MARK: The region

    private func region(_ event: LeaseAuthorityEvent) {
        let effects = self.authority.handle(event, now: self.databaseNow)
        self.note("region \(event) -> \(effects)")
        if self.authority.hasChanges {
            self.authority.hasChanges = false
            self.savedAuthority = self.authority
        }
        for effect in effects {
            switch effect {
            case .send(let message, to: let rack):
                if case .tokens(let grant) = message { self.check(grant) }
                guard let index = Self.names.firstIndex(of: rack), index < self.racks.count else { continue }
                self.transmit(from: 15, to: index, loss: 0.1) { self.rack(index, .received(message)) }
            case .reservationsChanged(let reservations):
                self.reservations = reservations
                for index in self.racks.indices where self.racks[index].isUp { self.rack(index, .reconfigured(self.segment())) }
            }
        }
    }

    private func regionTick() {
        self.after(self.random.double(2, 8)) { self.regionTick() }
        if self.random.chance(0.03) { self.authority = self.savedAuthority }
        if self.profile.restores { self.failOver() }
        self.region(.timeElapsed)
        if self.random.chance(0.7), !self.authority.addresses.isEmpty {
            let index = Int(self.random.next() % UInt64(self.authority.addresses.count))
            if self.authority.addresses[index].state == .minted {
                self.authority.beginRecycling(index, isForced: false, now: self.databaseNow)
            }
        }
        if self.random.chance(0.02) {
            let owner = Int(self.random.next() % 3)
            let wishes = owner == 2 ? [] : [ReservationWish(client: self.mac(owner), address: IPv4Address(rawValue: 0x0A00_000A))]
            self.region(.poolChanged(ranges: self.authority.ranges, reservations: wishes))
        }
    }

    /// Now and then the database goes on from an earlier state, and the authority is told so.
    private func failOver() {
        self.replicas.append(self.savedAuthority)
        guard self.random.chance(0.02) else { return }
        self.counts["failover", default: 0] += 1
        self.replicas.removeLast(Int(self.random.next() % UInt64(self.replicas.count)))
        guard let replica = self.replicas.last else { return }
        self.authority = replica
        self.timeline += 1
        self.region(.databaseRestored(timeline: self.timeline))
    }

    // MARK: Racks

    private func rack(_ index: Int, _ event: LeaseEvent) {
        let effects = self.racks[index].core.handle(event, now: self.now(index))
        self.note("rack \(index) \(event) -> \(effects)")
        for effect in effects {
            switch effect {
            case .persist, .rewrite:
                self.racks[index].tail.append(effect)
                self.sync(index)
            case .send(let message):
                if case .recycled(let acknowledgement) = message {
                    for token in acknowledgement.tokens {
                        let raw = token.address.rawValue
                        self.racks[index].promised[raw] = max(self.racks[index].promised[raw] ?? 0, token.generation + 1)
                    }
                }
                self.transmit(from: index, to: -1, loss: self.cuts.contains(index * 16 + 15) ? 1 : 0.1) { self.region(.received(message)) }
            case .replicate(let replication):
                for other in self.racks.indices where other != index {
                    self.transmit(from: index, to: other, loss: self.profile.peerLoss) { self.rack(other, .replicated(replication)) }
                }
            case .report(.contradiction(let token)):
                if self.profile.mutations.isEmpty { self.failure = "contradiction about \(token)" }
            case .report: break
            }
        }
    }

    private func sync(_ index: Int) {
        guard !self.racks[index].isSyncing else { return }
        self.racks[index].isSyncing = true
        let run = self.racks[index].run
        self.after(self.random.chance(self.profile.slowWrites) ? self.random.double(0, 20) : self.random.exponential(20)) {
            guard self.racks[index].run == run, self.racks[index].isUp else { return }
            self.racks[index].isSyncing = false
            let done = self.writeTail(index, count: self.racks[index].tail.count)
            guard done > 0 else { return }
            if self.racks[index].isPaused {
                self.racks[index].backlog.append { self.rack(index, .persisted(through: done)) }
            } else {
                self.rack(index, .persisted(through: done))
            }
            if !self.racks[index].tail.isEmpty { self.sync(index) }
        }
    }

    private func writeTail(_ index: Int, count: Int) -> UInt64 {
        var last: UInt64 = 0
        for effect in self.racks[index].tail.prefix(count) {
            switch effect {
            case .persist(let record, sequence: let sequence):
                self.racks[index].disk.append(record)
                last = sequence
            case .rewrite(let records, sequence: let sequence):
                self.racks[index].disk = records
                last = sequence
            case .send, .replicate, .report: break
            }
        }
        self.racks[index].tail.removeFirst(count)
        return last
    }

    private func rackTick(_ index: Int) {
        self.after(self.random.double(0.3, 3)) { self.rackTick(index) }
        if self.racks[index].isUp, !self.racks[index].isPaused { self.rack(index, .timeElapsed) }
    }

    private func crash(_ index: Int) {
        guard self.racks[index].isUp else { return }
        self.counts["crash", default: 0] += 1
        self.note("rack \(index) crashes")
        self.racks[index].run += 1
        self.racks[index].isUp = false
        self.racks[index].isPaused = false
        self.racks[index].isSyncing = false
        self.racks[index].backlog = []
        if self.random.chance(0.15) {
            let effects = self.racks[index].core.handle(.stopping, now: self.now(index))
            self.racks[index].tail += effects
            _ = self.writeTail(index, count: self.racks[index].tail.count)
        } else {
            // Some of the tail may have reached the disk without anybody knowing.
            _ = self.writeTail(index, count: Int(self.random.next() % UInt64(self.racks[index].tail.count + 1)))
            self.racks[index].tail = []
        }
        if self.random.chance(0.05) {
            self.racks[index].disk = []
            self.racks[index].promised = [:]
            self.counts["disk lost", default: 0] += 1
            self.note("rack \(index) loses its disk")
        }
        if self.profile.fences, self.random.chance(0.5) {
            self.counts["fence", default: 0] += 1
            self.region(.fenced(Self.names[index]))
        }
        let delays = self.profile.isHarsh ? [1.0, 1, 3, 20] : [1.0, 20, 200, 900]
        self.after(delays[Int(self.random.next() % 4)]) { self.boot(index) }
    }

    private func boot(_ index: Int) {
        self.racks[index].isUp = true
        // The boot clock starts anew when the machine did.
        if self.random.chance(0.5) { self.racks[index].offset = -Int64(self.time * self.racks[index].rate * 1e9) }
        self.racks[index].core = self.makeCore(index, journal: self.random.next(), records: self.racks[index].disk, now: self.now(index))
        for (address, floor) in self.racks[index].promised {
            let slot = self.racks[index].core.table.index(of: IPv4Address(rawValue: address)).map { self.racks[index].core.table[$0] }
            if (slot?.floor ?? 0) < floor { self.failure = "I6: rack \(index) forgot the floor \(floor) of \(address)" }
        }
        self.rack(index, .started)
        if self.profile.racks > 1 { self.rack(index, .peersChanged(present: true)) }
    }

    private func pause(_ index: Int) {
        guard self.racks[index].isUp, !self.racks[index].isPaused else { return }
        self.counts["pause", default: 0] += 1
        self.racks[index].isPaused = true
        let run = self.racks[index].run
        self.after([2.0, 30, 200, 800][Int(self.random.next() % 4)]) {
            guard self.racks[index].run == run else { return }
            self.racks[index].isPaused = false
            let backlog = self.racks[index].backlog
            self.racks[index].backlog = []
            for body in backlog where self.racks[index].run == run { body() }
        }
    }

    private func fault() {
        self.after(self.random.exponential(1 / 25.0)) { self.fault() }
        let rack = Int(self.random.next() % UInt64(self.racks.count))
        let kind = self.random.double(0, 1)
        if kind < 0.5 {
            let other = kind < 0.25 ? 15 : Int(self.random.next() % UInt64(self.racks.count))
            let both = self.random.chance(0.5)
            if both || self.random.chance(0.5) { self.cuts.insert(rack * 16 + other) }
            if both || self.random.chance(0.5) { self.cuts.insert(other * 16 + rack) }
        } else if kind < 0.72 {
            if self.random.chance(0.5) {
                self.cuts = []
            } else {
                for cut in self.cuts.sorted() where self.random.chance(0.5) { self.cuts.remove(cut) }
            }
        } else if kind < (self.profile.isHarsh ? 0.95 : 0.84) {
            self.crash(rack)
        } else {
            self.pause(rack)
        }
    }

    // MARK: Clients

    func mac(_ client: Int) -> MACAddress { MACAddress(rawValue: 0x5254_0000_0000 + UInt64(client) + 1) }

    private func ask(_ client: Int, rack: Int, _ query: LeaseQuery, asked: Double, _ reply: @escaping (LeaseDecision) -> Void) {
        self.transmit(from: 14, to: rack, loss: 0.1) {
            let decision = self.racks[rack].core.decide(query, now: self.now(rack))
            self.note("rack \(rack) \(query) -> \(decision)")
            self.check(decision, query, rack: rack)
            if self.racks[rack].core.needsAttention { self.rack(rack, .timeElapsed) }
            self.after(self.random.exponential(20)) { reply(decision) }
        }
    }

    private func clientStep(_ client: Int) {
        self.after(self.random.exponential(1 / 12.0)) { self.clientStep(client) }
        if let lease = self.clients[client].lease, lease.end <= self.time { self.drop(client) }
        if self.random.chance(0.3) { return }
        let asked = self.time
        let mac = self.mac(client)
        let accept: (LeaseDecision) -> Void = { self.accept($0, client: client, asked: asked) }
        for rack in self.racks.indices where self.random.chance(0.6) {
            if let lease = self.clients[client].lease {
                let address = IPv4Address(rawValue: lease.address)
                if self.random.chance(0.04) {
                    self.ask(client, rack: rack, LeaseQuery(kind: .release, client: mac, clientAddress: address), asked: asked) { _ in }
                    self.drop(client)
                    return
                }
                if self.random.chance(0.02) {
                    let query = LeaseQuery(kind: .decline, client: mac, requestedAddress: address, serverIdentifier: Self.service)
                    self.ask(client, rack: rack, query, asked: asked) { _ in }
                    self.drop(client)
                    return
                }
                self.ask(client, rack: rack, LeaseQuery(kind: .request, client: mac, clientAddress: address), asked: asked, accept)
            } else if self.clients[client].last != 0, self.random.chance(0.2) {
                let address = IPv4Address(rawValue: self.clients[client].last)
                self.ask(client, rack: rack, LeaseQuery(kind: .request, client: mac, requestedAddress: address), asked: asked, accept)
            } else {
                self.ask(client, rack: rack, LeaseQuery(kind: .discover, client: mac), asked: asked) { decision in
                    guard case .offer(let address, _) = decision, self.clients[client].lease == nil else { return }
                    let query = LeaseQuery(kind: .request, client: mac, requestedAddress: address, serverIdentifier: Self.service)
                    let again = self.time
                    for other in self.racks.indices {
                        self.ask(client, rack: other, query, asked: again) { self.accept($0, client: client, asked: again) }
                    }
                }
            }
        }
    }

    private func drop(_ client: Int) {
        guard let lease = self.clients[client].lease else { return }
        self.holds[lease.address]?[client] = nil
        self.clients[client].lease = nil
    }

    private func accept(_ decision: LeaseDecision, client: Int, asked: Double) {
        switch decision {
        case .acknowledge(let address, let seconds):
            let end = asked + Double(seconds) * self.clients[client].rate
            guard end > self.time else { return }
            if let lease = self.clients[client].lease, lease.address != address.rawValue, lease.end > self.time { return }
            self.drop(client)
            self.clients[client].lease = (address.rawValue, max(end, self.holds[address.rawValue]?[client] ?? 0))
            self.clients[client].last = address.rawValue
            self.holds[address.rawValue, default: [:]][client] = end
            self.counts["ack", default: 0] += 1
            let holders = (self.holds[address.rawValue] ?? [:]).filter { $0.value > self.time }.keys.sorted()
            if holders.count > 1 { self.failure = "I1: \(address) is held by the clients \(holders)" }
        case .refuse:
            self.counts["nak", default: 0] += 1
            if let lease = self.clients[client].lease, lease.end > self.time, self.random.chance(0.5) { self.drop(client) }
        case .offer, .inform, .recorded, .silent: break
        }
    }

    // MARK: Invariants

    private func check(_ grant: TokenGrant) {
        for token in grant.tokens {
            if let journal = self.minted[token] {
                if journal != grant.journal { self.failure = "I2: \(token) was minted for two racks" }
                continue
            }
            if let highest = self.highest[token.address], token.generation <= highest {
                self.failure = "I6: \(token) was minted after generation \(highest)"
            }
            self.minted[token] = grant.journal
            self.highest[token.address] = token.generation
        }
    }

    private func check(_ decision: LeaseDecision, _ query: LeaseQuery, rack: Int) {
        guard case .acknowledge(let address, _) = decision else { return }
        let core = self.racks[rack].core
        guard let index = core.table.index(of: address) else { return self.failure = "an acknowledged address without a slot" }
        let slot = core.table[index]
        let token = slot.token(slot.generation)
        if let owner = self.owners[token], owner != query.client {
            self.failure = "I2: \(address) generation \(slot.generation) was given to \(owner) and to \(query.client)"
        }
        self.owners[token] = query.client
        if slot.floor > slot.generation { self.failure = "I3: acknowledged below the floor" }
        if self.now(rack) >= core.grantEnd { self.failure = "I3: acknowledged without a grant" }
    }

    /// What must hold after every step, whatever happened.
    private func checkAlways() {
        var generations = [UInt32](repeating: 0, count: 256)
        for entry in self.authority.addresses { generations[Int(entry.address.rawValue & 0xFF)] = entry.generation }
        for number in self.racks.indices where self.racks[number].isUp {
            let now = self.now(number)
            let end = self.racks[number].core.grantEnd
            guard now < end else { continue }
            guard let entry = self.authority.racks.first(where: { $0.rack == Self.names[number] }) else {
                self.failure = "I5: the authority does not know that rack \(number) has a grant"
                return
            }
            let left = Double(now.nanoseconds(until: end)) / self.racks[number].rate / 1e9
            let believed = Double(self.databaseNow.nanoseconds(until: entry.grantEnd)) / 1e9
            if left > believed { self.failure = "I5: rack \(number) thinks its grant lasts longer than the authority does" }
            for slot in self.racks[number].core.table.slots where slot.state == .ready || slot.state == .bound && slot.expiry > now {
                if slot.generation < generations[Int(slot.address & 0xFF)] {
                    self.failure = "I4: rack \(number) may act on generation \(slot.generation), which is over"
                }
            }
        }
        // A reservation that an earlier state of the database tells of is none until it is drained (rule R11).
        for entry in self.authority.addresses where entry.state == .reserved && entry.isSuspect != true {
            for (client, end) in self.holds[entry.address.rawValue] ?? [:] where end > self.time && entry.client != self.mac(client) {
                self.failure = "I7: \(entry.address) is reserved, and client \(client) holds it"
            }
        }
    }

    /// Runs the schedule; nil when nothing was violated.
    func run() -> String? {
        self.region(.ensembleChanged(Array(Self.names.prefix(self.profile.racks))))
        let first = IPv4Address(rawValue: 0x0A00_0005)
        let last = IPv4Address(rawValue: 0x0A00_0004 + UInt32(self.profile.addresses))
        self.region(.poolChanged(ranges: [AddressRange(first: first, last: last)], reservations: []))
        for index in self.racks.indices {
            self.rack(index, .started)
            if self.profile.racks > 1 { self.rack(index, .peersChanged(present: true)) }
            self.rackTick(index)
        }
        for client in self.clients.indices { self.after(self.random.double(0, 10)) { self.clientStep(client) } }
        self.after(1) { self.regionTick() }
        self.after(30) { self.fault() }
        var steps = 0
        while self.failure == nil, let (time, body) = self.queue.pop(), time < self.profile.seconds {
            self.time = time
            body()
            steps += 1
            if self.failure == nil { self.checkAlways() }
        }
        return self.failure.map { "at \(self.time) s, step \(steps): \($0)" }
    }
}

/// A network that the tests know to be well formed.
func testNetwork(_ text: String) -> IPv4Network {
    guard let network = IPv4Network(text) else { preconditionFailure("not a network: \(text)") }
    return network
}
