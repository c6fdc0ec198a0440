// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import Succession

/// What happens to a segment when something happens to a rack; each for many seeds.
@Suite struct SuccessionSimulationTests {
    static let seeds = 0..<3

    /// Three racks of which one serves; the order of the list decides who takes over next.
    private static func settled(_ seed: Int, racks: Int = 3, mutations: SuccessionMutation = []) throws -> (SuccessionWorld, active: Int) {
        let world = SuccessionWorld(seed: UInt64(seed), racks: racks, mutations: mutations)
        world.run(for: 70)
        let active = try #require(world.serving.first)
        #expect(world.serving.count == 1)
        return (world, active)
    }

    /// One rack serves, everybody knows which, and nothing went wrong on the way.
    private static func isSettled(_ world: SuccessionWorld) -> Bool {
        guard world.serving.count == 1, let active = world.serving.first else { return false }
        return world.racks.allSatisfy { !$0.isUp || $0.isPaused || $0.core.activeRack == SuccessionWorld.names[active] }
    }

    @Test(arguments: seeds) func `without faults one rack takes the segment, once`(seed: Int) throws {
        let (world, active) = try Self.settled(seed, racks: 2 + seed % 4)
        world.pulseLoss = 0.2
        world.gossipLoss = 0.2
        world.run(for: 600)
        #expect(world.takeovers.filter { $0.time > 5 }.isEmpty, "\(world.takeovers)")
        #expect(world.serving == [active])
        #expect(world.failure == nil)
    }

    @Test(arguments: seeds) func `a killed rack is followed within 300 ms, by the next of the list`(seed: Int) throws {
        let (world, active) = try Self.settled(seed)
        world.kill(active)
        let gap = try #require(world.run(until: { !world.serving.isEmpty }, within: 0.3), "\(world.trace.suffix(20))")
        #expect(gap < 0.3)
        let next = try #require(world.serving.first)
        #expect(next == (0..<3).first { $0 != active }, "the list is in order")
        #expect(world.takeovers.last.map { $0.2.reason == .died && $0.2.from == SuccessionWorld.names[active] } == true)
        world.run(for: 5)
        #expect(Self.isSettled(world))
    }

    @Test(arguments: seeds) func `a rack without power is followed within 1,3 s`(seed: Int) throws {
        let (world, active) = try Self.settled(seed)
        world.pulseLoss = seed % 2 == 0 ? 0.2 : 0
        world.cutPower(active)
        _ = try #require(world.run(until: { !world.serving.isEmpty }, within: 1.3), "\(world.trace.suffix(20))")
        #expect(world.takeovers.last?.2.reason != .died)
        world.run(for: 5)
        #expect(Self.isSettled(world))
    }

    @Test(arguments: seeds, [1.0, 5.0, 120.0]) func `a frozen rack is followed, and yields when it goes on`(seed: Int, length: Double) throws {
        let (world, active) = try Self.settled(seed)
        world.pause(active)
        _ = try #require(world.run(until: { !world.serving.isEmpty }, within: 1.3))
        world.run(for: length)
        world.resume(active)
        world.run(for: 0.001)
        #expect(!world.serving.contains(active), "it answers nothing before it has listened")
        world.run(for: 3)
        #expect(Self.isSettled(world))
        #expect(!world.serving.contains(active), "there is no flap back")
        #expect(world.takeovers.count == 2)
        #expect(world.failure == nil)
    }

    @Test(arguments: seeds) func `a short pause moves nothing`(seed: Int) throws {
        let (world, active) = try Self.settled(seed)
        world.pause(active)
        world.run(for: 0.48)
        world.resume(active)
        world.run(for: 5)
        #expect(world.serving == [active])
        #expect(world.takeovers.count == 1)
    }

    @Test(arguments: seeds) func `a standby that was frozen suspects nobody`(seed: Int) throws {
        let (world, active) = try Self.settled(seed)
        for standby in 0..<3 where standby != active { world.pause(standby) }
        world.run(for: 30)
        for standby in 0..<3 where standby != active { world.resume(standby) }
        world.run(for: 5)
        #expect(world.serving == [active])
        #expect(world.takeovers.count == 1)
    }

    @Test(arguments: seeds) func `racks that gossip cannot reach stay in peace while they hear each other on the wire`(seed: Int) throws {
        let (world, active) = try Self.settled(seed)
        for from in 0..<3 { for to in 0..<3 where from != to { world.gossipCuts.insert([from, to]) } }
        world.run(for: 60)
        #expect(world.serving == [active])
        #expect(world.takeovers.count == 1)
    }

    @Test(arguments: seeds) func `a rack that nobody hears is followed, and yields when it hears its successor`(seed: Int) throws {
        let (world, active) = try Self.settled(seed)
        for other in 0..<3 where other != active {
            world.wireCuts.insert([active, other])
            world.gossipCuts.insert([active, other])
        }
        let gap = world.run(until: { world.serving.count == 1 && world.serving != [active] }, within: 2)
        #expect(gap != nil, "\(world.trace.suffix(20))")
    }

    @Test(arguments: seeds) func `a rack that hears nobody is followed`(seed: Int) throws {
        let (world, active) = try Self.settled(seed)
        for other in 0..<3 where other != active { world.wireCuts.insert([other, active]) }
        let gap = world.run(until: { world.serving.contains { $0 != active } }, within: 8)
        #expect(gap != nil)
        #expect(world.takeovers.last?.2.reason == .deaf)
        world.wireCuts = []
        world.run(for: 2)
        #expect(Self.isSettled(world))
    }

    @Test(arguments: seeds) func `both sides of a split serve, and one of them after it heals`(seed: Int) throws {
        let (world, active) = try Self.settled(seed, racks: 4)
        let side = [active, (active + 1) % 4]
        for from in 0..<4 {
            for to in 0..<4 where side.contains(from) != side.contains(to) {
                world.wireCuts.insert([from, to])
                world.gossipCuts.insert([from, to])
            }
        }
        _ = try #require(world.run(until: { world.serving.count == 2 }, within: 2))
        world.run(for: 10)
        world.wireCuts = []
        world.gossipCuts = []
        let healed = try #require(world.run(until: { world.serving.count == 1 }, within: 1))
        #expect(healed < 0.15)
        world.run(for: 3)
        #expect(Self.isSettled(world))
        #expect(world.announcements > 0)
    }

    @Test(arguments: seeds) func `a wire that is cut between racks only moves nothing while gossip says that all is well`(seed: Int) throws {
        let (world, active) = try Self.settled(seed, racks: 2)
        world.wireCuts = [[0, 1], [1, 0]]
        world.run(for: 2.5)
        #expect(world.serving == [active], "the standby hears nobody on the wire: its own link is in doubt")
        #expect(world.reports.contains { if case .linkSuspected = $0.2 { true } else { false } })
        world.tell(1 - active, .clientHeard)
        world.run(for: 0.2)
        #expect(world.serving.count == 2, "it hears clients whom nobody else may hear")
    }

    @Test(arguments: seeds) func `two racks at once are followed by the third`(seed: Int) throws {
        let (world, active) = try Self.settled(seed)
        world.kill(active)
        world.kill((0..<3).first { $0 != active } ?? 0)
        _ = try #require(world.run(until: { !world.serving.isEmpty }, within: 1.3))
        world.run(for: 3)
        #expect(Self.isSettled(world))
    }

    @Test(arguments: seeds) func `a drained segment is served all the time, by its successor at the end`(seed: Int) throws {
        let (world, active) = try Self.settled(seed)
        let vacancy = world.vacancy
        world.tell(active, .drainRequested)
        _ = try #require(world.run(until: { world.serving.count == 1 && !world.serving.contains(active) }, within: 5))
        world.run(for: 5)
        #expect(world.vacancy == vacancy, "at no moment did nobody serve")
        #expect(Self.isSettled(world))
        #expect(world.reports.contains { if case .drained = $0.2 { true } else { false } })
        let successor = try #require(world.serving.first)
        world.tell(active, .undrainRequested)
        world.run(for: 10)
        #expect(world.serving == [successor], "it comes back as a standby")
    }

    @Test(arguments: seeds) func `without a successor a drain is refused and the segment served on`(seed: Int) throws {
        let (world, active) = try Self.settled(seed, racks: 2)
        world.kill(1 - active)
        world.run(for: 3)
        world.tell(active, .drainRequested)
        world.run(for: 3)
        #expect(world.serving == [active])
        #expect(world.reports.contains { if case .cannotDrain(.noSuccessor) = $0.2 { true } else { false } })
    }

    @Test(arguments: seeds) func `a rack that comes back takes nothing from its successor`(seed: Int) throws {
        let (world, active) = try Self.settled(seed)
        world.kill(active)
        world.run(for: 2)
        let successor = try #require(world.serving.first)
        world.restart(active)
        world.run(for: 300)
        #expect(world.serving == [successor])
        #expect(world.takeovers.count == 2)
        #expect(world.failure == nil)
    }

    @Test(arguments: seeds) func `a rack whose DHCP is stuck is asked to yield, and followed`(seed: Int) throws {
        let (world, active) = try Self.settled(seed)
        world.tell(active, .progressed(age: .seconds(3)))
        _ = try #require(world.run(until: { !world.serving.contains(active) }, within: 6), "\(world.trace.suffix(20))")
        world.run(for: 3)
        #expect(Self.isSettled(world))
    }

    @Test(arguments: seeds) func `a rack whose grant ends falls silent, and another one serves`(seed: Int) throws {
        let (world, active) = try Self.settled(seed)
        world.tell(active, .grantChanged(remaining: .seconds(2)))
        world.run(for: 2.2)
        #expect(!world.serving.contains(active))
        world.run(for: 2)
        #expect(Self.isSettled(world))
        world.tell(active, .grantChanged(remaining: .seconds(86_400)))
        world.run(for: 5)
        #expect(world.racks[active].core.role == .standby)
    }

    // MARK: Whatever happens

    /// Faults of all kinds for a while, then none: one rack serves soon, and goes on to.
    private static func chaos(seed: Int, mutations: SuccessionMutation = []) -> String? {
        let world = SuccessionWorld(seed: UInt64(seed), racks: 2 + seed % 4, mutations: mutations)
        world.run(for: 3)
        let count = world.racks.count
        for _ in 0..<40 {
            let victim = Int(world.random.next() % UInt64(count))
            let other = (victim + 1 + Int(world.random.next() % UInt64(max(1, count - 1)))) % count
            switch world.random.next() % 11 {
            case 0: world.kill(victim)
            case 1: world.cutPower(victim)
            case 2, 3: if !world.racks[victim].isUp { world.restart(victim) }
            case 4: world.pause(victim)
            case 5, 6: world.resume(victim)
            case 7: world.wireCuts.insert([victim, other])
            case 8: world.gossipCuts.insert([victim, other])
            case 9: world.pulseLoss = world.random.double(0, 0.4)
            default: world.tell(victim, world.random.chance(0.5) ? .drainRequested : .undrainRequested)
            }
            world.run(for: world.random.double(0.02, 4))
        }
        world.wireCuts = []
        world.gossipCuts = []
        world.pulseLoss = 0
        for index in 0..<count {
            world.resume(index)
            if !world.racks[index].isUp { world.restart(index) }
            world.tell(index, .undrainRequested)
        }
        guard world.run(until: { Self.isSettled(world) }, within: 3) != nil else {
            return "not settled: \(world.trace.suffix(30).joined(separator: "\n"))"
        }
        world.run(for: 0.5)
        let before = world.takeovers.count
        world.run(for: 120)
        guard Self.isSettled(world), world.takeovers.count == before else { return "moved without a fault: \(world.takeovers.suffix(3))" }
        return world.failure
    }

    @Test(arguments: 0..<16) func `whatever fails, one rack serves soon after it ends`(seed: Int) {
        if let failure = Self.chaos(seed: seed) { Issue.record("seed \(seed): \(failure)") }
    }

    @Test func `a schedule repeats exactly`() {
        let traces = (0..<2).map { _ -> [String] in
            let world = SuccessionWorld(seed: 5, racks: 4)
            world.pulseLoss = 0.3
            world.run(for: 20)
            world.pause(world.serving.first ?? 0)
            world.run(for: 20)
            return world.trace
        }
        #expect(traces[0] == traces[1])
    }

    static let mutants: [(String, SuccessionMutation)] = [
        ("skips the frozen check", .skipsFrozenCheck), ("counts its own pauses", .countsOwnPauses), ("never yields", .neverYields),
        ("ignores the end of its grant", .ignoresGrantEnd), ("keeps the term", .keepsTerm), ("pre-empts", .preempts),
        ("trusts pulses alone", .trustsPulsesAlone), ("never suspects", .neverSuspects), ("drains first", .drainsFirst),
    ]

    @Test(arguments: mutants.indices) func `every broken rule is found`(index: Int) throws {
        let (name, mutation) = Self.mutants[index]
        let found = (0..<40).contains { seed in
            Self.chaos(seed: seed, mutations: mutation) != nil || !Self.behaves(seed, mutation)
        }
        #expect(found, "\(name)")
    }

    /// The promises of the scenarios above in one run.
    private static func behaves(_ seed: Int, _ mutations: SuccessionMutation) -> Bool {
        let world = SuccessionWorld(seed: UInt64(seed), racks: 3, mutations: mutations)
        world.run(for: 70)
        guard world.serving.count == 1, let first = world.serving.first else { return false }
        // One standby hears nothing on the wire but is told by gossip that all is well.
        let deaf = (first + 1) % 3
        for other in 0..<3 where other != deaf { world.wireCuts.formUnion([[other, deaf], [deaf, other]]) }
        world.run(for: 3)
        world.wireCuts = []
        guard world.serving == [first] else { return false }
        world.pause(deaf)
        world.run(for: 30)
        world.resume(deaf)
        world.run(for: 3)
        guard world.serving == [first] else { return false }
        world.pause(first)
        world.run(for: 2)
        guard !world.serving.isEmpty else { return false }
        world.resume(first)
        world.run(for: 3)
        guard isSettled(world), let second = world.serving.first, second != first else { return false }
        let vacancy = world.vacancy
        world.tell(second, .drainRequested)
        world.run(for: 5)
        guard world.vacancy == vacancy, isSettled(world), let third = world.serving.first else { return false }
        world.tell(third, .grantChanged(remaining: .seconds(1)))
        world.run(for: 4)
        return !world.serving.contains(third) && world.takeovers.count == 4 && world.failure == nil
    }
}
