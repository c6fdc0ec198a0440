// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Leasing
import Testing

@testable import Membership

@Suite struct MembershipValueTests {
    // MARK: Overlay

    @Test(arguments: [1, 2, 3, 11]) func `in a small cluster everyone observes everyone`(count: Int) {
        let roster = MembershipWorld.roster(count)
        let overlay = Overlay(roster: roster)
        for member in roster.members {
            #expect(overlay.subjects(of: member.id) == roster.members.map(\.id).filter { $0 != member.id })
            #expect(overlay.observers(of: member.id) == overlay.subjects(of: member.id))
        }
    }

    @Test(arguments: [12, 13, 16, 24, 64, 256]) func `in a larger one each has ten observers and ten subjects, and all are connected`(count: Int) {
        let roster = MembershipWorld.roster(count)
        let overlay = Overlay(roster: roster)
        for member in roster.members.map(\.id) {
            // Barely above 11 not every repetition can be avoided.
            let fewest = count < 24 ? 8 : 10
            #expect((fewest...10).contains(overlay.subjects(of: member).count), "\(overlay.subjects(of: member).count) subjects")
            #expect((fewest...10).contains(overlay.observers(of: member).count), "\(overlay.observers(of: member).count) observers")
            #expect(!overlay.subjects(of: member).contains(member))
        }
        var reached: Set<SystemID> = []
        var border = roster.members.prefix(1).map(\.id)
        while let member = border.popLast() {
            if reached.insert(member).inserted { border += overlay.subjects(of: member) }
        }
        #expect(reached.count == count)
    }

    @Test func `the graph follows from the roster, in whatever order it is given`() {
        let roster = MembershipWorld.roster(64)
        #expect(Overlay(roster: Roster(version: 1, members: roster.members.reversed())) == Overlay(roster: roster))
    }

    @Test func `few connections change when a member leaves`() {
        let roster = MembershipWorld.roster(256)
        let before = Overlay(roster: roster)
        for index in stride(from: 0, to: 256, by: 32) {
            var members = roster.members
            members.remove(at: index)
            let after = Overlay(roster: Roster(version: 2, members: members))
            let added = members.reduce(0) { $0 + Set(after.subjects(of: $1.id)).subtracting(before.subjects(of: $1.id)).count }
            #expect(added <= 40, "\(added) of 2,550 edges are new")
        }
    }

    // MARK: Cut detector

    @Test(arguments: [(1, 1, 1), (2, 2, 1), (3, 2, 1), (4, 3, 2), (7, 6, 3), (10, 9, 4)])
    func `the marks are nine and four of ten, and all but one of fewer`(observers: Int, high: Int, low: Int) {
        #expect(CutDetector.highMark(observers: observers) == high)
        #expect(CutDetector.lowMark(observers: observers) == low)
    }

    @Test func `the order of accusations, and their repetition, changes nothing`() {
        let roster = MembershipWorld.roster(64)
        let detector = CutDetector(overlay: Overlay(roster: roster))
        var random = SplitMix(state: 3)
        for _ in 0..<50 {
            var accusations: [Accusation] = []
            for subject in roster.members.map(\.id).shuffled(using: &random).prefix(8) {
                for observer in detector.overlay.observers(of: subject) where random.chance(0.8) {
                    accusations.append(Accusation(observer: observer, subject: subject))
                }
            }
            let cut = detector.cut(accusations)
            for _ in 0..<5 {
                let more = accusations + accusations.shuffled(using: &random).prefix(Int(random.next() % 9))
                #expect(detector.cut(more.shuffled(using: &random)) == cut)
            }
        }
    }

    @Test func `only observers count, each once`() throws {
        let roster = MembershipWorld.roster(64)
        var detector = CutDetector(overlay: Overlay(roster: roster))
        let subject = try #require(roster.members.first?.id)
        let observers = detector.overlay.observers(of: subject)
        let others = roster.members.map(\.id).filter { $0 != subject && !observers.contains($0) }
        let strangers = others.map { Accusation(observer: $0, subject: subject) }
        #expect(detector.cut(strangers) == .init())
        let eight = observers.prefix(8).map { Accusation(observer: $0, subject: subject) }
        #expect(detector.cut(strangers + eight + eight) == .init(agreed: [], undecided: [subject]))
        #expect(detector.cut(eight + [Accusation(observer: observers[8], subject: subject)]) == .init(agreed: [subject], undecided: []))
        detector.mutations = .countsStrangers
        #expect(detector.cut(strangers) != .init(), "the broken rule is noticed")
    }

    @Test func `observers that are gone do not protect whom they observed`() throws {
        let roster = MembershipWorld.roster(64)
        let detector = CutDetector(overlay: Overlay(roster: roster))
        let subject = try #require(roster.members.first?.id)
        let observers = detector.overlay.observers(of: subject)
        let one = [Accusation(observer: observers[0], subject: subject)]
        #expect(detector.cut(one, absent: Set(observers[1..<9])).agreed == [subject])
        #expect(detector.cut(one, absent: Set(observers)) == .init(), "who is absent has no word")
    }

    // MARK: Edge detector

    @Test(arguments: [(false, 2.5), (true, 1.75)]) func `silence is a fault after an interval and 1.5 s`(isClose: Bool, limit: Double) {
        var detector = EdgeDetector(isClose: isClose, listened: Instant(nanoseconds: 0))
        let moment = { (seconds: Double) in Instant(nanoseconds: Int64(seconds * 1e9)) }
        #expect(!detector.isFaulty(listened: moment(limit)))
        #expect(detector.isFaulty(listened: moment(limit + 0.01)))
        detector.heard(listened: moment(limit))
        #expect(!detector.isFaulty(listened: moment(2 * limit)))
        detector.heard(listened: moment(2 * limit))
        #expect(detector.isFaulty(listened: moment(2 * limit + 0.01)), "it hears nothing of us")
        detector.echoed(listened: moment(2 * limit))
        #expect(!detector.isFaulty(listened: moment(2 * limit + 0.01)))
        detector.refused()
        #expect(detector.isFaulty(listened: moment(2 * limit + 0.01)), "its process is gone")
    }

    @Test func `time in which the process was not run does not count`() {
        var clock = ListeningClock(now: Instant(nanoseconds: 5))
        clock.advance(to: Instant(nanoseconds: 250_000_005))
        clock.advance(to: Instant(nanoseconds: 60_250_000_005))
        clock.advance(to: Instant(nanoseconds: 60_000_000_000))
        clock.advance(to: Instant(nanoseconds: 60_500_000_005))
        #expect(clock.listened == Instant(nanoseconds: 500_000_000))
    }
}
