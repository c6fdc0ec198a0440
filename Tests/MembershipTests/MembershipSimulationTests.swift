// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Membership

@Suite(.timeLimit(.minutes(5))) struct MembershipSimulationTests {
    @Test(arguments: [(3, 3_600.0), (5, 3_600), (8, 900), (64, 20)])
    func `a fifth of all packets lost removes nobody`(members: Int, seconds: Double) {
        #expect(MembershipScenario.loss(seed: 1, members: members, seconds: seconds) == nil)
    }

    @Test(arguments: [3, 5, 8, 24]) func `a member that dies is removed everywhere, in one change, after about 3 s`(members: Int) {
        for seed in 1...(members > 8 ? 2 : 12) as ClosedRange<UInt64> {
            #expect(MembershipScenario.crash(seed: seed, members: members, within: 3.5) == nil, "seed \(seed)")
        }
    }

    @Test(arguments: [2] as [UInt64]) func `ten that die together are removed in one change`(seed: UInt64) {
        #expect(MembershipScenario.crash(seed: seed, members: 64, of: 10, within: 4) == nil)
    }

    @Test(arguments: [5, 8, 24], [true, false])
    func `a member that is deaf, or mute, every other 20 s is removed once, and nobody else is`(members: Int, isDeaf: Bool) {
        #expect(MembershipScenario.flipFlop(seed: 4, members: members, isDeaf: isDeaf) == nil)
    }

    @Test(arguments: [(5, 2), (8, 3), (24, 9)]) func `a partition heals to one view`(members: Int, aside: Int) {
        #expect(MembershipScenario.partition(seed: 5, members: members, aside: aside) == nil)
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>) func `a frozen member is removed, accuses nobody, and comes back`(seed: UInt64) {
        #expect(MembershipScenario.pause(seed: seed) == nil)
    }

    @Test(arguments: [3, 5, 8, 24]) func `one broken connection removes nobody`(members: Int) {
        #expect(MembershipScenario.brokenEdge(seed: 7, members: members) == nil)
    }

    @Test func `a member that was started anew comes back although it has forgotten its versions`() {
        #expect(MembershipScenario.restart(seed: 8) == nil)
    }

    @Test func `nobody speaks for another, and no stranger joins by gossip`() {
        #expect(MembershipScenario.slander(seed: 9) == nil)
    }

    @Test func `a member that leaves is gone at once, is accused by nobody, and may come back`() {
        #expect(MembershipScenario.leave(seed: 10) == nil)
    }

    @Test func `each rule of the core, broken on purpose is noticed`() {
        #expect(MembershipScenario.pause(seed: 1, .countsOwnPauses) != nil)
        #expect(MembershipScenario.brokenEdge(seed: 1, members: 8, .trustsOneEdge) != nil)
        #expect((1...3).contains { MembershipScenario.crash(seed: $0, members: 24, of: 4, within: 9, .neverBatches) != nil })
        #expect(MembershipScenario.slander(seed: 1, .joinsByGossip) != nil)
        #expect(MembershipScenario.slander(seed: 1, .letsOthersSpeak) != nil)
        #expect(MembershipScenario.restart(seed: 1, .neverSynchronizes) != nil)
        #expect(MembershipScenario.flipFlop(seed: 4, members: 8, isDeaf: true, .ignoresDeafness) != nil)
        #expect(MembershipScenario.partition(seed: 5, members: 8, aside: 3, .neverWithdraws) != nil)
        #expect(MembershipScenario.crash(seed: 1, members: 24, within: 9, .neverFloods) != nil)
    }
}
