// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

@testable import Membership

/// What is done to a cluster, and what it must do then: each answers what it did wrong, or nil.
enum MembershipScenario {
    private static func formed(seed: UInt64, members: Int, _ mutations: MembershipMutation) -> MembershipWorld {
        let world = MembershipWorld(seed: seed, members: members, mutations: mutations)
        world.run(for: 12)
        let all = Array(0..<members)
        if let wrong = all.first(where: { world.view($0) != all }) { world.failure = "member \(wrong) did not see all at first" }
        world.changes = []
        return world
    }

    /// What went wrong when only `faulty` may have been removed, by everybody else in one change.
    private static func judge(_ world: MembershipWorld, faulty: Set<Int>, within seconds: Double, of start: Double) -> String? {
        if let failure = world.failure { return failure }
        for member in world.members.indices where !faulty.contains(member) {
            let removals = world.changes.filter { $0.member == member && !$0.removed.isEmpty }
            guard removals.count == 1, let removal = removals.first else { return "member \(member) removed \(removals.map(\.removed))" }
            guard Set(removal.removed) == faulty else { return "member \(member) removed \(removal.removed), not \(faulty.sorted())" }
            guard removal.time - start <= seconds else { return "member \(member) took \(removal.time - start) s" }
        }
        return nil
    }

    static func loss(seed: UInt64, members: Int, seconds: Double, _ mutations: MembershipMutation = []) -> String? {
        let world = Self.formed(seed: seed, members: members, mutations)
        world.loss = 0.2
        world.run(for: seconds)
        return world.failure ?? world.changes.first.map { "at \($0.time) member \($0.member) removed \($0.removed)" }
    }

    static func crash(seed: UInt64, members: Int, of count: Int = 1, within seconds: Double, _ mutations: MembershipMutation = []) -> String? {
        let world = Self.formed(seed: seed, members: members, mutations)
        world.run(for: Double(seed % 17) / 16)
        let faulty = Set((0..<count).map { ($0 * 5 + Int(seed)) % members })
        let start = world.time
        for member in faulty { world.crash(member) }
        world.run(for: 12)
        return Self.judge(world, faulty: faulty, within: seconds, of: start)
    }

    /// One member's ears (or its mouth) work for 20 s and do not for 20 s.
    static func flipFlop(seed: UInt64, members: Int, isDeaf: Bool, _ mutations: MembershipMutation = []) -> String? {
        let world = Self.formed(seed: seed, members: members, mutations)
        let faulty = Int(seed) % members
        let start = world.time
        for _ in 0..<3 {
            world.cuts = Set(world.members.indices.map { isDeaf ? [$0, faulty] : [faulty, $0] })
            world.run(for: 20)
            world.heal()
            world.run(for: 20)
        }
        return Self.judge(world, faulty: [faulty], within: 15, of: start)
    }

    static func partition(seed: UInt64, members: Int, aside: Int, _ mutations: MembershipMutation = []) -> String? {
        let world = Self.formed(seed: seed, members: members, mutations)
        for one in 0..<aside { for other in aside..<members { world.cuts.formUnion([[one, other], [other, one]]) } }
        world.run(for: 30)
        guard world.view(members - 1) == Array(aside..<members) else { return "the larger side sees \(world.view(members - 1))" }
        world.heal()
        world.run(for: 60)
        let all = Array(0..<members)
        return world.failure ?? all.first { world.view($0) != all }.map { "member \($0) sees \(world.view($0)) after the healing" }
    }

    static func pause(seed: UInt64, _ mutations: MembershipMutation = []) -> String? {
        let world = Self.formed(seed: seed, members: 8, mutations)
        let frozen = Int(seed) % 8
        let start = world.time
        world.pause(frozen)
        world.run(for: 10)
        world.resume(frozen)
        world.run(for: 5)
        if world.accusers.contains(frozen) { return "the frozen member accused others" }
        if let failure = Self.judge(world, faulty: [frozen], within: 3.5, of: start) { return failure }
        world.run(for: 60)
        return world.members.indices.first { world.view($0).count != 8 }.map { "member \($0) did not take it back" }
    }

    /// One connection between two members who are well.
    static func brokenEdge(seed: UInt64, members: Int, _ mutations: MembershipMutation = []) -> String? {
        let world = Self.formed(seed: seed, members: members, mutations)
        world.cuts = [[0, 1], [1, 0]]
        world.run(for: 30)
        return world.failure ?? world.changes.first.map { "member \($0.member) removed \($0.removed)" }
    }

    static func restart(seed: UInt64, _ mutations: MembershipMutation = []) -> String? {
        let world = Self.formed(seed: seed, members: 5, mutations)
        for _ in 0..<2 {
            world.crash(2)
            world.run(for: 6)
            guard world.view(0) == [0, 1, 3, 4] else { return "the dead member is still seen" }
            world.restart(2)
            world.run(for: 45)
        }
        return world.failure ?? (0..<5).first { world.view($0).count != 5 }.map { "member \($0) sees \(world.view($0))" }
    }

    /// A member is told that it left, which it did not, and all are told of somebody who is not in the roster.
    static func slander(seed: UInt64, _ mutations: MembershipMutation = []) -> String? {
        let world = Self.formed(seed: seed, members: 5, mutations)
        let victim = world.members[2].id
        world.give(
            .received(.records([MemberRecord(id: victim, status: .left, incarnation: 7, version: 99)], wantsReply: false), from: world.members[1].id),
            to: 2)
        world.run(for: 15)
        if let wrong = (0..<5).first(where: { world.view($0).count != 5 }) { return "member \(wrong) believed it" }
        guard let stranger = SystemID("yyyyyy") else { return "no name" }
        world.give(.received(.records([MemberRecord(id: stranger)], wantsReply: false), from: victim), to: 0)
        world.give(.received(.heartbeat(sequence: 1, echo: 0), from: stranger), to: 1)
        world.run(for: 15)
        guard world.strangers == [stranger] else { return "the stranger was not noticed" }
        return world.members.first { $0.core.view.contains(stranger) }.map { "\($0.id) took the stranger in" }
    }

    static func leave(seed: UInt64) -> String? {
        let world = Self.formed(seed: seed, members: 8, [])
        let start = world.time
        world.give(.leaving, to: 3)
        world.crash(3)
        world.run(for: 20)
        if !world.accusers.isEmpty { return "somebody accused who left" }
        if let failure = Self.judge(world, faulty: [3], within: 0.1, of: start) { return failure }
        world.restart(3)
        world.run(for: 20)
        return (0..<8).first { world.view($0).count != 8 }.map { "member \($0) did not take it back" }
    }
}
