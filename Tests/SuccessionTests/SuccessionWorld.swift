// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Leasing

@testable import Succession

/// Racks on one segment in one thread under one seed: a bad wire, bad gossip, racks that die, freeze, and run at slightly different speeds.
final class SuccessionWorld {
    struct Rack {
        let id: SystemID
        var core: SegmentCore
        var rate: Double
        var isUp = true
        var isPaused = false
        var isServing = false
        var backlog: [SuccessionEvent] = []
        var boot: UInt64 = 0
        var pausedSince = 0.0
        /// When the rack was run again after a pause that it must notice.
        var resumed = -1.0
    }

    static let names = ["3aaaaa", "3bbbbb", "3ccccc", "3ddddd", "3eeeee"].compactMap { SystemID($0) }

    var random: SplitMix
    var time = 0.0
    var racks: [Rack] = []
    /// Lost on the wire.
    var pulseLoss = 0.0
    var gossipLoss = 0.0
    /// From whom to whom nothing comes through: on the wire, and by gossip.
    var wireCuts: Set<[Int]> = []
    var gossipCuts: Set<[Int]> = []
    var takeovers: [(time: Double, rack: Int, Takeover)] = []
    var reports: [(time: Double, rack: Int, SuccessionReport)] = []
    var announcements = 0
    /// When nobody served, in all.
    var vacancy = 0.0
    private var vacantSince: Double? = 0
    var failure: String?
    /// The last that happened, put into words only when somebody wants to read it.
    private var history: [(time: Double, rack: Int, fault: StaticString?, effect: SuccessionEffect?)] = []
    private let mutations: SuccessionMutation
    private var queue = EventQueue()

    init(seed: UInt64, racks: Int, mutations: SuccessionMutation = []) {
        self.random = SplitMix(state: seed)
        self.mutations = mutations
        for index in 0..<racks {
            let rate = 1 + self.random.double(-0.01, 0.01)
            self.racks.append(Rack(id: Self.names[index], core: self.core(index, rate: rate), rate: rate))
            self.start(index)
        }
        self.check()
    }

    private func core(_ index: Int, rate: Double) -> SegmentCore {
        var core = SegmentCore(segment: 7, rack: Self.names[index], boot: self.random.next(), now: self.now(rate))
        core.mutations = self.mutations
        return core
    }

    private func now(_ rate: Double) -> Instant {
        Instant(nanoseconds: Int64((self.time + 1_000) * rate * 1e9))
    }

    // MARK: Racks

    private func start(_ index: Int) {
        self.tell(index, .listChanged(SuccessionList(version: 1, racks: Array(Self.names.prefix(self.racks.count)))))
        self.tell(index, .grantChanged(remaining: .seconds(86_400)))
        let boot = self.racks[index].core.boot
        self.after(self.random.double(0.05, 0.3)) { if self.racks[index].core.boot == boot { self.tell(index, .synchronized) } }
        self.tick(index, boot)
        self.gossip(index, boot)
    }

    private func tick(_ index: Int, _ boot: UInt64) {
        self.after(0.05 / self.racks[index].rate + self.random.double(0, 0.002)) {
            guard self.racks[index].isUp, self.racks[index].core.boot == boot else { return }
            // A timer of a frozen process fires once when it is run again.
            if !self.racks[index].isPaused { self.tell(index, .timeElapsed) }
            self.tick(index, boot)
        }
    }

    private func gossip(_ index: Int, _ boot: UInt64) {
        self.after(0.25 / self.racks[index].rate + self.random.double(0, 0.01)) {
            guard self.racks[index].isUp, self.racks[index].core.boot == boot else { return }
            if !self.racks[index].isPaused {
                for other in self.racks.indices where other != index && !self.gossipCuts.contains([index, other]) {
                    let isServing = self.racks[index].core.isServing
                    // TCP repeats what is lost: it comes late.
                    var delay = self.random.double(0.0001, 0.005)
                    while self.random.chance(self.gossipLoss) { delay += 0.2 }
                    self.after(delay) { self.tell(other, .gossiped(Self.names[index], isServing: isServing)) }
                }
            }
            self.gossip(index, boot)
        }
    }

    func tell(_ index: Int, _ event: SuccessionEvent) {
        guard self.racks[index].isUp else { return }
        guard !self.racks[index].isPaused else {
            if self.racks[index].backlog.count < 200 { self.racks[index].backlog.append(event) }
            return
        }
        let effects = self.racks[index].core.handle(event, now: self.now(self.racks[index].rate))
        for effect in effects { self.carryOut(effect, index) }
        self.check()
    }

    private func carryOut(_ effect: SuccessionEffect, _ index: Int) {
        self.history.append((self.time, index, nil, effect))
        if self.history.count > 400 { self.history.removeFirst(200) }
        switch effect {
        case .pulse(let pulse):
            if pulse.role.isServing, self.time - self.racks[index].resumed < 0.1 { self.fail("rack \(index) pulses as active right after a pause") }
            for other in self.racks.indices where other != index && !self.wireCuts.contains([index, other]) {
                guard !self.random.chance(self.pulseLoss) else { continue }
                self.after(self.random.double(0.00005, 0.002)) { self.tell(other, .pulsed(pulse)) }
            }
        case .serve: self.racks[index].isServing = true
        case .silence: self.racks[index].isServing = false
        case .announce: self.announcements += 1
        case .stopStarting: self.after(self.random.double(0.05, 1)) { self.tell(index, .quietened) }
        case .synchronize: self.after(0.1) { self.tell(index, .synchronized) }
        case .askToYield(let rack): self.send(from: index, to: rack, .yieldRequested)
        case .offerHandover(let rack, _): self.send(from: index, to: rack, .handoverOffered(by: Self.names[index]))
        case .acceptHandover(let rack): self.send(from: index, to: rack, .handoverReady(Self.names[index]))
        case .report(let report):
            self.reports.append((self.time, index, report))
            if case .tookOver(let takeover) = report { self.takeovers.append((self.time, index, takeover)) }
        }
    }

    private func send(from index: Int, to rack: SystemID, _ event: SuccessionEvent) {
        guard let other = Self.names.firstIndex(of: rack), !self.gossipCuts.contains([index, other]) else { return }
        self.after(self.random.double(0.0001, 0.005)) { self.tell(other, event) }
    }

    // MARK: Faults

    /// The kernel closes the sockets: each peer that gossip reaches is sure within some milliseconds.
    func kill(_ index: Int) {
        self.history.append((self.time, index, "kill", nil))
        self.racks[index].isUp = false
        self.racks[index].isPaused = false
        self.racks[index].isServing = false
        let boot = self.racks[index].core.boot
        for other in self.racks.indices where other != index && !self.gossipCuts.contains([index, other]) {
            self.after(self.random.double(0.02, 0.08)) { self.tell(other, .died(Self.names[index], boot: boot)) }
        }
        self.check()
    }

    /// Power is lost: nobody closes anything.
    func cutPower(_ index: Int) {
        self.history.append((self.time, index, "power", nil))
        self.racks[index].isUp = false
        self.racks[index].isServing = false
        self.check()
    }

    func restart(_ index: Int) {
        self.history.append((self.time, index, "restart", nil))
        self.racks[index].isUp = true
        self.racks[index].isPaused = false
        self.racks[index].isServing = false
        self.racks[index].backlog = []
        self.racks[index].core = self.core(index, rate: self.racks[index].rate)
        self.start(index)
    }

    func pause(_ index: Int) {
        guard self.racks[index].isUp else { return }
        self.history.append((self.time, index, "pause", nil))
        if !self.racks[index].isPaused { self.racks[index].pausedSince = self.time }
        self.racks[index].isPaused = true
        self.check()
    }

    func resume(_ index: Int) {
        guard self.racks[index].isPaused else { return }
        self.history.append((self.time, index, "resume", nil))
        self.racks[index].isPaused = false
        if self.time - self.racks[index].pausedSince > 0.45 { self.racks[index].resumed = self.time }
        let backlog = self.racks[index].backlog
        self.racks[index].backlog = []
        self.tell(index, .timeElapsed)
        for event in backlog { self.tell(index, event) }
    }

    // MARK: Looking

    /// The racks that answer the segment: a frozen one does not, whatever it believes.
    var serving: [Int] { self.racks.indices.filter { self.racks[$0].isUp && !self.racks[$0].isPaused && self.racks[$0].core.isServing } }

    private func check() {
        for index in self.racks.indices where self.racks[index].isUp && !self.racks[index].isPaused {
            if self.racks[index].core.isServing != self.racks[index].isServing {
                self.fail("rack \(index) is told to \(self.racks[index].isServing ? "serve" : "be silent") and believes otherwise")
            }
        }
        let isVacant = self.serving.isEmpty
        if isVacant, self.vacantSince == nil { self.vacantSince = self.time }
        if !isVacant, let since = self.vacantSince {
            self.vacancy += self.time - since
            self.vacantSince = nil
        }
    }

    func fail(_ text: String) {
        if self.failure == nil { self.failure = "at \(self.time): \(text)" }
    }

    var trace: [String] {
        self.history.map { entry in
            let what = entry.effect.map { "\($0)" } ?? entry.fault.map { "\($0)" } ?? ""
            return "\(entry.time) rack \(entry.rack) \(what)"
        }
    }

    func after(_ delay: Double, _ body: @escaping () -> Void) {
        self.queue.push(time: self.time + delay, body)
    }

    func run(for seconds: Double) {
        let end = self.time + seconds
        var isOver = false
        self.queue.push(time: end) { isOver = true }
        while !isOver, let (time, body) = self.queue.pop() {
            self.time = time
            body()
        }
    }

    /// Runs until the condition holds, and says how long that took; nil when it did not within the time.
    func run(until condition: () -> Bool, within seconds: Double) -> Double? {
        let start = self.time
        while !condition() {
            guard self.time - start < seconds, let (time, body) = self.queue.pop() else { return nil }
            self.time = time
            body()
        }
        return self.time - start
    }
}
