// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import NeighborDiscovery
import Testing

@Suite struct NeighborDiscoveryTests {
    private func advertisement() throws -> RouterAdvertisement {
        var message = RouterAdvertisement()
        message.isManaged = true
        message.hasOtherConfiguration = true
        message.routerLifetimeSeconds = 1_800
        message.sourceMACAddress = MACAddress("52:54:00:12:34:56")
        message.mtu = 1_500
        message.prefixes = [
            RouterAdvertisement.Prefix(
                network: try #require(IPv6Network("fd99::/64")), isOnLink: true, isAutonomous: false, validSeconds: 86_400, preferredSeconds: 14_400
            )
        ]
        message.dnsServers = [try #require(IPv6Address("fd99::1"))]
        message.searchDomains = ["maas", "example.org"]
        message.dnsLifetimeSeconds = 1_200
        return message
    }

    private let golden = """
        86 00 0000 40 c0 0708 00000000 00000000
        01 01 525400123456
        05 01 0000 000005dc
        03 04 40 80 00015180 00003840 00000000 fd990000000000000000000000000000
        19 03 0000 000004b0 fd990000000000000000000000000001
        1f 04 0000 000004b0 04 6d616173 00 07 6578616d706c65 03 6f7267 00 0000000000
        """

    @Test func `an advertisement is what RFC 4861 and RFC 8106 say, and reads as it was`() throws {
        let message = try self.advertisement()
        #expect(message.bytes == hex(self.golden))
        let read = try RouterAdvertisement(parsing: message.bytes.span)
        #expect(read == message)
    }

    @Test func `a message that is cut anywhere is refused, or read as what is whole of it`() {
        let bytes = hex(self.golden)
        for length in 0..<bytes.count {
            let cut = Array(bytes[..<length])
            _ = try? RouterAdvertisement(parsing: cut.span)
        }
        let solicitation = RouterSolicitation(sourceMACAddress: MACAddress("52:54:00:12:34:56"))
        for length in 0..<solicitation.bytes.count where length != 8 {
            let cut = Array(solicitation.bytes[..<length])
            #expect(throws: NeighborDiscoveryError.self) { try RouterSolicitation(parsing: cut.span) }
        }
        #expect(throws: NeighborDiscoveryError.badOption(type: 1, offset: 8)) {
            try RouterSolicitation(parsing: hex("85 00 0000 00000000 01 00 000000000000").span)
        }
    }

    @Test func `a solicitation reads as it was`() throws {
        let solicitation = RouterSolicitation(sourceMACAddress: MACAddress("52:54:00:12:34:56"))
        #expect(solicitation.bytes == hex("85 00 0000 00000000 01 01 525400123456"))
        let read = try RouterSolicitation(parsing: solicitation.bytes.span)
        #expect(read == solicitation)
    }

    @Test(arguments: UInt64(0)..<32) func `a router speaks three times soon, then now and then, and never twice within three seconds`(
        _ seed: UInt64
    ) {
        var generator = Counter(state: seed)
        var schedule = AdvertisementSchedule(now: 0)
        #expect(schedule.due == 0)
        var last: Int64 = 0
        schedule.advertised(now: 0, using: &generator)
        for number in 1..<12 {
            let gap = schedule.due - last
            let second: Int64 = 1_000_000_000
            #expect(number < 3 ? gap <= 16 * second : (200 * second...600 * second).contains(gap))
            last = schedule.due
            schedule.advertised(now: last, using: &generator)
        }
        // Asked soon after the last one: three seconds after it, not earlier.
        schedule.solicited(now: last + 1, using: &generator)
        #expect(schedule.due == last + 3_000_000_000)
        // Asked a long time after it: within half a second.
        schedule.solicited(now: last + 100_000_000_000, using: &generator)
        #expect(schedule.due == last + 3_000_000_000)
        schedule.advertised(now: last + 50_000_000_000, using: &generator)
        schedule.solicited(now: last + 100_000_000_000, using: &generator)
        #expect((last + 100_000_000_000...last + 100_500_000_000).contains(schedule.due))
    }

    private struct Counter: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return self.state ^ self.state >> 29
        }
    }
}
