// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import Leasing

@Suite struct LeaseAuthorityTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    private func authority(racks: Int, addresses: Int = 10) -> LeaseAuthority {
        var authority = LeaseAuthority(segmentID: 1, terms: LeaseFixture.terms)
        _ = authority.handle(.ensembleChanged(Array(LeaseWorld.names.prefix(racks))), now: self.start)
        let range = AddressRange(first: LeaseFixture.address(10), last: LeaseFixture.address(9 + addresses))
        _ = authority.handle(.poolChanged(ranges: [range], reservations: []), now: self.start)
        return authority
    }

    private func request(_ rack: Int, journal: UInt64 = 7, known: UInt64 = 0, number: UInt64 = 1) -> LeaseAuthorityEvent {
        .received(
            .grantRequest(
                ServingGrantRequest(
                    segmentID: 1, rack: LeaseWorld.names[rack], journal: journal, incarnation: 1, number: number, knownVersion: known
                )
            )
        )
    }

    private func demand(_ rack: Int, _ wanted: Int, held: Int = 0, journal: UInt64 = 7) -> LeaseAuthorityEvent {
        .received(.demand(TokenDemand(segmentID: 1, rack: LeaseWorld.names[rack], journal: journal, wanted: wanted, held: held)))
    }

    private func tokens(_ effects: [LeaseAuthorityEffect]) -> [Token] {
        effects.flatMap { if case .send(.tokens(let grant), to: _) = $0 { grant.tokens } else { [Token]() } }
    }

    private func recycled(_ rack: Int, _ token: Token, journal: UInt64 = 7) -> LeaseAuthorityEvent {
        .received(
            .recycled(RecycleAcknowledgement(segmentID: 1, rack: LeaseWorld.names[rack], journal: journal, tokens: [token]))
        )
    }

    @Test func `every rack gets an equal share, and no address twice`() {
        var authority = self.authority(racks: 2)
        for rack in 0..<2 { _ = authority.handle(self.request(rack), now: self.start) }
        let first = self.tokens(authority.handle(self.demand(0, 100), now: self.start))
        let second = self.tokens(authority.handle(self.demand(1, 100), now: self.start))
        #expect(first.count == 5 && second.count == 5)
        #expect(Set(first + second).count == 10)
        #expect(authority.vacantCount == 0)
    }

    @Test func `a rack without a grant, or outside the ensemble, gets nothing`() {
        var authority = self.authority(racks: 1)
        #expect(self.tokens(authority.handle(self.demand(0, 5), now: self.start)).isEmpty)
        #expect(authority.handle(self.request(1), now: self.start).isEmpty)
    }

    @Test func `tokens are sent again until their receipt, and only to the journal they were minted for`() {
        var authority = self.authority(racks: 1)
        _ = authority.handle(self.request(0), now: self.start)
        let minted = self.tokens(authority.handle(self.demand(0, 3), now: self.start))
        let later = self.start.advanced(bySeconds: 6)
        #expect(self.tokens(authority.handle(.timeElapsed, now: later)) == minted)
        let receipt = TokenReceipt(segmentID: 1, rack: LeaseWorld.names[0], journal: 7, tokens: [minted[0]])
        _ = authority.handle(.received(.receipt(receipt)), now: later)
        #expect(self.tokens(authority.handle(.timeElapsed, now: later.advanced(bySeconds: 6))) == Array(minted[1...]))
        _ = authority.handle(self.request(0, journal: 8), now: later)
        #expect(self.tokens(authority.handle(.timeElapsed, now: later.advanced(bySeconds: 20))).isEmpty)
    }

    @Test func `a generation ends when every rack has acknowledged it, and the next grant says so`() throws {
        var authority = self.authority(racks: 2)
        for rack in 0..<2 { _ = authority.handle(self.request(rack), now: self.start) }
        let token = try #require(self.tokens(authority.handle(self.demand(0, 1), now: self.start)).first)
        authority.beginRecycling(0, isForced: false, now: self.start)
        _ = authority.handle(self.recycled(0, token), now: self.start)
        #expect(authority.addresses[0].generation == 0)
        _ = authority.handle(self.recycled(1, token, journal: 99), now: self.start)
        #expect(authority.addresses[0].generation == 0, "another journal's word")
        _ = authority.handle(self.recycled(1, token), now: self.start)
        #expect(authority.addresses[0].generation == 1)
        let effects = authority.handle(self.request(1), now: self.start)
        guard case .send(.grant(let grant), to: _)? = effects.first else {
            Issue.record("no grant")
            return
        }
        #expect(grant.vector == GenerationVector(since: 0, version: 1, generations: [Token(address: token.address, generation: 1)]))
        guard case .send(.grant(let known), to: _)? = authority.handle(self.request(1, known: 1), now: self.start).first else {
            Issue.record("no grant")
            return
        }
        #expect(known.vector.generations.isEmpty)
    }

    @Test func `a silent rack blocks recycling until its grant and the longest lease are over, and a fenced one only the lease`() throws {
        for isFenced in [false, true] {
            var authority = self.authority(racks: 2)
            for rack in 0..<2 { _ = authority.handle(self.request(rack), now: self.start) }
            let token = try #require(self.tokens(authority.handle(self.demand(0, 1), now: self.start)).first)
            authority.beginRecycling(0, isForced: true, now: self.start)
            _ = authority.handle(self.recycled(0, token), now: self.start)
            if isFenced { _ = authority.handle(.fenced(LeaseWorld.names[1]), now: self.start) }
            let wait = isFenced ? 612 : 88_128 + 612
            _ = authority.handle(.timeElapsed, now: self.start.advanced(bySeconds: wait - 1))
            #expect(authority.addresses[0].generation == 0)
            _ = authority.handle(.timeElapsed, now: self.start.advanced(bySeconds: wait + 1))
            #expect(authority.addresses[0].generation == 1)
        }
    }

    @Test func `a lost journal takes its acknowledgements with it`() throws {
        var authority = self.authority(racks: 2)
        for rack in 0..<2 { _ = authority.handle(self.request(rack), now: self.start) }
        let token = try #require(self.tokens(authority.handle(self.demand(0, 1), now: self.start)).first)
        authority.beginRecycling(0, isForced: true, now: self.start)
        _ = authority.handle(self.recycled(1, token), now: self.start)
        _ = authority.handle(self.request(1, journal: 8), now: self.start)
        _ = authority.handle(self.recycled(0, token), now: self.start)
        #expect(authority.addresses[0].generation == 0)
        _ = authority.handle(self.recycled(1, token, journal: 8), now: self.start)
        #expect(authority.addresses[0].generation == 1)
    }

    @Test func `an address is reserved at once when nobody has it, and after draining when somebody may`() throws {
        var authority = self.authority(racks: 1)
        _ = authority.handle(self.request(0), now: self.start)
        _ = authority.handle(self.demand(0, 1), now: self.start)
        let wishes = [
            ReservationWish(client: LeaseFixture.mac(1), address: LeaseFixture.address(10)),
            ReservationWish(client: LeaseFixture.mac(2), address: LeaseFixture.address(200)),
        ]
        let effects = authority.handle(.poolChanged(ranges: authority.ranges, reservations: wishes), now: self.start)
        let other = Reservation(client: LeaseFixture.mac(2), address: LeaseFixture.address(200), generation: 0)
        #expect(effects.contains(.reservationsChanged([other])))
        _ = authority.handle(self.recycled(0, Token(address: LeaseFixture.address(10), generation: 0)), now: self.start)
        let first = Reservation(client: LeaseFixture.mac(1), address: LeaseFixture.address(10), generation: 1)
        #expect(authority.reservations == [first, other])
        // Given to another machine: drained again.
        let moved = [ReservationWish(client: LeaseFixture.mac(3), address: LeaseFixture.address(10)), wishes[1]]
        _ = authority.handle(.poolChanged(ranges: authority.ranges, reservations: moved), now: self.start)
        #expect(authority.reservations == [other])
        _ = authority.handle(self.recycled(0, Token(address: LeaseFixture.address(10), generation: 1)), now: self.start)
        #expect(authority.reservations.first == Reservation(client: LeaseFixture.mac(3), address: LeaseFixture.address(10), generation: 2))
    }

    @Test func `a restored database makes the authority wait`() throws {
        var authority = self.authority(racks: 1)
        _ = authority.handle(self.request(0), now: self.start)
        let later = self.start.advanced(bySeconds: 80_000)
        _ = authority.handle(.databaseRestored(timeline: 2), now: later)
        #expect(authority.racks[0].grantEnd >= later.advanced(bySeconds: 86_400))
    }

    @Test func `after a restoration no address is minted before every rack ended all generations that may be lost`() throws {
        var authority = self.authority(racks: 2, addresses: 1)
        for rack in 0..<2 { _ = authority.handle(self.request(rack), now: self.start) }
        _ = authority.handle(.databaseRestored(timeline: 2), now: self.start)
        for rack in 0..<2 { _ = authority.handle(self.request(rack), now: self.start) }
        let effects = authority.handle(self.demand(0, 1), now: self.start)
        #expect(self.tokens(effects).isEmpty)
        let token = Token(address: LeaseFixture.address(10), generation: 2 * LeaseAuthority.generationsPerTimeline - 1)
        #expect(effects.contains(.send(.recycle(RecycleRequest(segmentID: 1, tokens: [token])), to: LeaseWorld.names[1])))
        // The word about the generation that the database knows is not enough.
        let known = Token(address: token.address, generation: 0)
        for rack in 0..<2 { _ = authority.handle(self.recycled(rack, known), now: self.start) }
        #expect(authority.vacantCount == 0)
        _ = authority.handle(self.recycled(1, token), now: self.start)
        let minted = self.tokens(authority.handle(self.recycled(0, token), now: self.start))
        #expect(minted == [Token(address: token.address, generation: token.generation + 1)])
    }

    @Test(arguments: [LeaseMutation(), .sparesLapsedRacks])
    func `after a restoration a rack whose grant had ended gives everything up, and one that goes on keeps it`(mutation: LeaseMutation) {
        var authority = self.authority(racks: 1, addresses: 1)
        authority.mutations = mutation
        _ = authority.handle(.databaseRestored(timeline: 2), now: self.start)
        let lapsed = authority.generations(since: authority.version, isContinuing: false)
        let lost = Token(address: LeaseFixture.address(10), generation: 2 * LeaseAuthority.generationsPerTimeline - 1)
        #expect((lapsed == [lost]) == mutation.isEmpty)
        #expect(authority.generations(since: authority.version, isContinuing: true).isEmpty)
    }

    @Test func `the database's clock never goes back for the authority`() {
        var authority = self.authority(racks: 1)
        _ = authority.handle(.timeElapsed, now: self.start.advanced(bySeconds: 100))
        _ = authority.handle(self.request(0), now: self.start)
        #expect(authority.racks[0].grantEnd > self.start.advanced(bySeconds: 100 + 86_400))
    }
}
