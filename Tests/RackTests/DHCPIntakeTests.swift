// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCP
import Domain
import Leasing
import Testing

@testable import Rack

@Suite struct DHCPIntakeTests {
    private static let start = Instant(nanoseconds: 1_000_000_000)

    private static func limits() -> DHCPLimits {
        var limits = DHCPLimits()
        limits.segmentBurst = 50
        limits.segmentMessagesPerSecond = 100
        return limits
    }

    /// A message, as far as the intake looks at it: the hardware address, and a number to know it by.
    private static func message(from client: UInt64, number: UInt16 = 0) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 240)
        for position in 0..<6 { bytes[28 + position] = UInt8(truncatingIfNeeded: client >> UInt64(40 - 8 * position)) }
        bytes[0] = UInt8(truncatingIfNeeded: number >> 8)
        bytes[1] = UInt8(truncatingIfNeeded: number)
        return bytes
    }

    private static func admit(_ intake: inout DHCPIntake, _ message: [UInt8], _ now: Instant) -> Bool {
        unsafe message.withUnsafeBufferPointer { unsafe intake.admit($0, now: now) }
    }

    private static func number(_ message: UnsafeBufferPointer<UInt8>) -> UInt16 {
        unsafe UInt16(message[0]) << 8 | UInt16(message[1])
    }

    @Test func `a storm of two thousand is answered in its order as fast as the segment may, and nothing is lost`() {
        var intake = DHCPIntake(Self.limits())
        var answered: [UInt16] = []
        for number in UInt16(0)..<2_000 where Self.admit(&intake, Self.message(from: UInt64(number) + 1, number: number), Self.start) {
            answered.append(number)
        }
        #expect(answered.count == 50, "the burst")
        var now = Self.start
        var rounds = 0
        while answered.count < 2_000, rounds < 10_000 {
            rounds += 1
            guard let pause = intake.pause(now: now) else { break }
            now = now.advanced(byNanoseconds: Int64(pause.components.seconds) * 1_000_000_000 + pause.components.attoseconds / 1_000_000_000)
            while let message = unsafe intake.next(now: now) { answered.append(unsafe Self.number(message)) }
        }
        #expect(answered == Array(0..<2_000))
        #expect(Self.start.nanoseconds(until: now) / 1_000_000_000 == 19, "1,950 at 100 a second")
        #expect(intake.takeCounts() == (delayed: 1_950, dropped: 0))
        #expect(intake.takeCounts() == (delayed: 0, dropped: 0))
        #expect(intake.pause(now: now) == nil)
    }

    @Test func `one that shouts waits, and loses what is too much, and nobody else notices`() {
        var intake = DHCPIntake(DHCPLimits())
        var shouted = 0, others = 0
        var now = Self.start
        for round in UInt64(0)..<1_000 {
            now = now.advanced(byNanoseconds: 1_000_000)
            for _ in 0..<20 where Self.admit(&intake, Self.message(from: 0xBAD), now) { shouted += 1 }
            if Self.admit(&intake, Self.message(from: 0x1000 + round), now) { others += 1 }
            while let message = unsafe intake.next(now: now) {
                #expect(unsafe message[32] == 0x0B && message[33] == 0xAD)
                shouted += 1
            }
        }
        #expect(others == 1_000, "at once")
        #expect(shouted >= 16 && shouted <= 16 + 4 + 4, "the burst, and four in a second")
        let counts = intake.takeCounts()
        #expect(counts.delayed + counts.dropped == 20_000 - 16)
        #expect(counts.delayed <= 8)
    }

    @Test func `a client that is over its limit in a storm waits behind those that are not`() {
        var limits = Self.limits()
        limits.clientBurst = 1
        limits.clientMessagesPerSecond = 4
        var intake = DHCPIntake(limits)
        #expect(Self.admit(&intake, Self.message(from: 1, number: 1), Self.start))
        #expect(!Self.admit(&intake, Self.message(from: 1, number: 2), Self.start))
        #expect(unsafe intake.next(now: Self.start) == nil)
        #expect(intake.pause(now: Self.start) == .milliseconds(250))
        let later = Self.start.advanced(byNanoseconds: 250_000_000)
        #expect(unsafe intake.next(now: later).map { unsafe Self.number($0) } == 2)
        #expect(unsafe intake.next(now: later) == nil)
    }

    @Test func `the queue has an end, and what does not fit is counted`() {
        var limits = Self.limits()
        limits.waiting = 100
        var intake = DHCPIntake(limits)
        for number in UInt64(1)...200 { _ = Self.admit(&intake, Self.message(from: number), Self.start) }
        #expect(intake.takeCounts() == (delayed: 100, dropped: 50))
        // Longer than a frame: it cannot wait.
        #expect(!Self.admit(&intake, [UInt8](repeating: 0, count: 1_600), Self.start))
        #expect(intake.takeCounts().dropped == 1)
    }

    @Test func `any number of clients is kept apart in a table that does not grow`() {
        var limits = DHCPLimits()
        limits.knownClients = 64
        var intake = DHCPIntake(limits)
        // An attacker with a new address for each message is bound by the segment's limit alone.
        var admitted = 0
        for number in UInt64(1)...20_000 where Self.admit(&intake, Self.message(from: number), Self.start) { admitted += 1 }
        #expect(admitted == limits.segmentBurst)
        for length in 0..<40 { _ = Self.admit(&intake, [UInt8](repeating: 1, count: length), Self.start) }
    }
}

@Suite struct ConflictProberTests {
    private static let start = Instant(nanoseconds: 1_000_000_000)

    private static func addresses(_ range: Range<UInt32>) -> [IPv4Address] { range.map { IPv4Address(rawValue: $0) } }

    @Test func `each of the next addresses is asked about three times, sixteen a second, and again after five minutes`() {
        var prober = ConflictProber()
        let upcoming = Self.addresses(0..<100)
        var asked: [IPv4Address: Int] = [:]
        var now = Self.start
        for _ in 0..<60 {
            let questions = prober.addresses(upcoming: upcoming, now: now)
            #expect(questions.count <= 16)
            for address in questions { asked[address, default: 0] += 1 }
            now = now.advanced(bySeconds: 1)
        }
        #expect(asked.count == 64 && asked.values.allSatisfy { $0 == 3 })
        #expect(asked.keys.allSatisfy { $0.rawValue < 64 })
        #expect(prober.addresses(upcoming: upcoming, now: Self.start.advanced(bySeconds: 302)).first == upcoming[0])
        #expect(prober.addresses(upcoming: [], now: now).isEmpty)
    }

    @Test func `only an answer to a question counts, and once`() {
        var prober = ConflictProber()
        _ = prober.addresses(upcoming: Self.addresses(0..<4), now: Self.start)
        #expect(prober.verdict(on: IPv4Address(rawValue: 9), now: Self.start) == .unrelated)
        #expect(prober.verdict(on: IPv4Address(rawValue: 2), now: Self.start) == .inUse)
        #expect(prober.verdict(on: IPv4Address(rawValue: 2), now: Self.start) == .unrelated)
    }

    @Test func `a device that answers for everything costs no more than sixteen addresses an hour`() {
        var prober = ConflictProber()
        var verdicts: [ConflictProber.Verdict] = []
        var now = Self.start
        for block in UInt32(0)..<10 {
            let upcoming = Self.addresses((block * 16)..<(block * 16 + 16))
            for address in prober.addresses(upcoming: upcoming, now: now) { verdicts.append(prober.verdict(on: address, now: now)) }
            now = now.advanced(bySeconds: 1)
        }
        #expect(verdicts.count { $0 == .inUse } == 16 && verdicts.count { $0 == .doubtful } == 144)
        now = now.advanced(bySeconds: 3_600)
        _ = prober.addresses(upcoming: Self.addresses(900..<901), now: now)
        #expect(prober.verdict(on: IPv4Address(rawValue: 900), now: now) == .inUse)
    }

    @Test func `an address that is found in use is not given out, and an offer of it is void`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let offered = try #require(try fixture.exchange(.discover)).answer.view.yourAddress
        let upcoming = fixture.responder.core.upcomingAddresses(8, now: fixture.now)
        #expect(!upcoming.contains(offered) && upcoming.count == 8, "an address on offer is its client's to probe")
        let device = MACAddress(rawValue: 0x5254_00DD_DDDD)
        for address in [offered, upcoming[0]] {
            let effects = fixture.responder.core.handle(.foundInUse(address, by: device), now: fixture.now)
            #expect(effects == [.report(.inUse(Token(address: address, generation: 0), by: device))])
        }
        let (refusal, _) = try #require(
            try fixture.exchange(.request) {
                $0.append(.serverIdentifier, number: 0x0A63_0001)
                $0.append(.requestedAddress, address: offered)
            }
        )
        #expect(refusal.view.messageType == .refuse)
        let (again, _) = try #require(try fixture.exchange(.discover))
        #expect(again.view.yourAddress != offered && again.view.yourAddress != upcoming[0])
        #expect(fixture.responder.core.statistics(now: fixture.now).quarantined == 2)
        // A client's own address is nobody else's to report.
        let given = again.view.yourAddress
        _ = try fixture.exchange(.request) {
            $0.append(.serverIdentifier, number: 0x0A63_0001)
            $0.append(.requestedAddress, address: given)
        }
        #expect(fixture.responder.core.handle(.foundInUse(given, by: device), now: fixture.now).isEmpty)
        #expect(fixture.responder.core.statistics(now: fixture.now).bound == 1)
    }
}
