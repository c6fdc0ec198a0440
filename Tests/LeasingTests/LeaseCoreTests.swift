// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import Leasing

@Suite struct LeaseCoreTests {
    private func started(addresses: Int = 16, reservations: [Reservation] = []) -> LeaseFixture {
        var fixture = LeaseFixture(addresses: addresses, reservations: reservations)
        fixture.send(.started)
        return fixture
    }

    private func address(_ number: Int) -> IPv4Address { LeaseFixture.address(number) }

    @Test func `nothing is served before a region granted it`() {
        var fixture = LeaseFixture()
        fixture.isLinked = false
        fixture.send(.started)
        #expect(fixture.discover(1) == .silent(.noGrant))
        fixture.isLinked = true
        fixture.pass(seconds: 3)
        #expect(fixture.discover(1) == .offer(address: self.address(10), leaseSeconds: 600))
    }

    @Test func `a client is offered an address, gets it and keeps it`() {
        var fixture = self.started()
        #expect(fixture.discover(1) == .offer(address: self.address(10), leaseSeconds: 600))
        #expect(fixture.discover(2) == .offer(address: self.address(11), leaseSeconds: 600))
        #expect(fixture.discover(1) == .offer(address: self.address(10), leaseSeconds: 600), "the same while the offer lasts")
        #expect(fixture.select(1, self.address(10)) == .acknowledge(address: self.address(10), leaseSeconds: 600))
        #expect(fixture.renew(1, self.address(10)) == .acknowledge(address: self.address(10), leaseSeconds: 600))
        #expect(fixture.reboot(1, self.address(10)) == .acknowledge(address: self.address(10), leaseSeconds: 600))
        fixture.pass(seconds: 50_000)
        #expect(fixture.discover(1) == .offer(address: self.address(10), leaseSeconds: 600), "sticky after the lease ended")
        #expect(fixture.renew(1, self.address(10)) == .acknowledge(address: self.address(10), leaseSeconds: 600))
    }

    @Test func `the address that a client asks for is offered when it is free`() {
        var fixture = self.started()
        #expect(fixture.discover(1, asking: self.address(12)) == .offer(address: self.address(12), leaseSeconds: 600))
        #expect(fixture.discover(2, asking: self.address(12)) == .offer(address: self.address(10), leaseSeconds: 600))
    }

    @Test func `a refusal is only for what the rack knows`() {
        var fixture = self.started()
        _ = fixture.acquire(1)
        let other = IPv4Address(rawValue: 0x0A00_0101)
        #expect(fixture.reboot(2, other) == .refuse(.wrongNetwork))
        #expect(fixture.renew(2, other) == .refuse(.wrongNetwork))
        #expect(fixture.reboot(2, self.address(10)) == .refuse(.boundToAnother))
        #expect(fixture.renew(2, self.address(10)) == .refuse(.boundToAnother))
        #expect(fixture.select(2, self.address(10)) == .refuse(.boundToAnother))
        // Never adopt: neither an address in a token, nor one never heard of.
        #expect(fixture.reboot(2, self.address(11)) == .silent(.unknownBinding))
        #expect(fixture.renew(2, self.address(200)) == .silent(.unknownBinding))
        #expect(fixture.select(2, self.address(200)) == .refuse(.offerGone))
        _ = fixture.discover(3)
        #expect(fixture.select(2, self.address(11)) == .refuse(.offerGone), "offered to somebody else")
    }

    @Test func `a client that chose another server frees its offer`() {
        var fixture = self.started()
        #expect(fixture.discover(1) == .offer(address: self.address(10), leaseSeconds: 600))
        #expect(fixture.select(1, self.address(77), server: self.address(253)) == .recorded(.choseAnotherServer))
        #expect(fixture.select(2, self.address(10)) == .acknowledge(address: self.address(10), leaseSeconds: 600))
    }

    @Test func `strange messages are not answered`() {
        var fixture = self.started()
        #expect(fixture.decide(LeaseQuery(kind: .request, client: LeaseFixture.mac(1))) == .silent(.malformed))
        #expect(fixture.decide(LeaseQuery(kind: .discover, client: MACAddress(rawValue: 0))) == .silent(.malformed))
        #expect(fixture.decide(LeaseQuery(kind: .inform, client: LeaseFixture.mac(1))) == .silent(.malformed))
        let inform = LeaseQuery(kind: .inform, client: LeaseFixture.mac(1), clientAddress: self.address(99))
        #expect(fixture.decide(inform) == .inform)
        let far = LeaseQuery(kind: .discover, client: LeaseFixture.mac(1), linkAddress: IPv4Address(rawValue: 0x0B00_0001))
        #expect(fixture.decide(far) == .silent(.notOurSegment))
    }

    @Test func `the least recently used address is given, and the pool ends`() {
        var fixture = self.started(addresses: 6)
        let given = (1...6).compactMap { fixture.acquire($0) }
        #expect(given == (10...15).map { self.address($0) })
        #expect(fixture.discover(7) == .silent(.exhausted))
    }

    @Test func `offers that nobody takes are given to others after a while`() {
        var fixture = self.started(addresses: 4)
        for client in 1...4 { _ = fixture.discover(client) }
        #expect(fixture.discover(5) == .silent(.exhausted))
        fixture.pass(seconds: 31)
        #expect(fixture.discover(5) == .offer(address: self.address(10), leaseSeconds: 600))
    }

    @Test func `a released lease is offered to others only after it would have ended and the region agreed`() {
        var fixture = self.started(addresses: 2)
        _ = fixture.acquire(1)
        _ = fixture.acquire(2)
        #expect(fixture.release(1, self.address(11)) == .silent(.notOurs), "not its own")
        #expect(fixture.release(1, self.address(10)) == .recorded(.released))
        #expect(fixture.reports.last?.state == .released)
        #expect(fixture.discover(3) == .silent(.exhausted))
        fixture.pass(seconds: 20)
        #expect(fixture.discover(3) == .silent(.exhausted))
        // The region's wait of half a minute between questions is over, and so is the lease.
        for _ in 0..<70 {
            fixture.pass(seconds: 10)
            #expect(fixture.renew(2, self.address(11)) == .acknowledge(address: self.address(11), leaseSeconds: 600))
        }
        #expect(fixture.discover(3) == .offer(address: self.address(10), leaseSeconds: 600))
        #expect(fixture.core.table[0].generation == 1)
    }

    @Test func `a declined address rests for a day`() {
        var fixture = self.started()
        _ = fixture.acquire(1)
        let decline = LeaseQuery(
            kind: .decline, client: LeaseFixture.mac(1), requestedAddress: self.address(10), serverIdentifier: LeaseFixture.service
        )
        #expect(fixture.decide(LeaseQuery(kind: .decline, client: LeaseFixture.mac(2), requestedAddress: self.address(10))) == .silent(.notOurs))
        #expect(fixture.decide(decline) == .recorded(.declined))
        #expect(fixture.problems == [.declined(Token(address: self.address(10), generation: 0))])
        #expect(fixture.reports.last?.state == .declined)
        #expect(fixture.acquire(1) == self.address(11))
        fixture.send(.received(.recycle(RecycleRequest(segmentID: 1, tokens: [Token(address: self.address(10), generation: 0)]))))
        #expect(fixture.core.table[0].state == .quarantined)
        fixture.now = fixture.now.advanced(bySeconds: 86_401)
        fixture.send(.received(.recycle(RecycleRequest(segmentID: 1, tokens: [Token(address: self.address(10), generation: 0)]))))
        #expect(fixture.core.table[0].floor == 1, "now it may end")
    }

    @Test func `a reserved machine gets its address and never a dynamic one`() {
        let reservation = Reservation(client: LeaseFixture.mac(9), address: self.address(11), generation: nil)
        var fixture = self.started(reservations: [reservation])
        #expect(fixture.discover(9) == .offer(address: self.address(11), leaseSeconds: 600))
        #expect(fixture.select(9, self.address(11)) == .acknowledge(address: self.address(11), leaseSeconds: 600))
        #expect(fixture.reboot(9, self.address(10)) == .refuse(.reservedElsewhere))
        #expect((1...8).compactMap { fixture.acquire($0) }.contains(self.address(11)) == false)
        #expect(fixture.renew(1, self.address(11)) == .refuse(.reservedForAnother))
        #expect(fixture.reboot(1, self.address(11)) == .refuse(.reservedForAnother))
    }

    @Test func `an address is reserved for a machine only when its old lease has ended`() {
        var fixture = self.started()
        #expect(fixture.acquire(1) == self.address(10))
        var segment = fixture.core.segment
        segment.reservations = [Reservation(client: LeaseFixture.mac(9), address: self.address(10), generation: nil)]
        fixture.send(.reconfigured(segment))
        #expect(fixture.discover(9) == .silent(.reservationBusy))
        #expect(fixture.select(9, self.address(10)) == .refuse(.offerGone))
        #expect(fixture.renew(1, self.address(10)) == .refuse(.reservedForAnother))
        fixture.pass(seconds: 613)
        #expect(fixture.discover(9) == .offer(address: self.address(10), leaseSeconds: 600))
        #expect(fixture.acquire(1) != self.address(10))
    }

    @Test func `a machine that works on a dynamic address keeps it when another is reserved for it`() {
        var fixture = self.started()
        #expect(fixture.acquire(1) == self.address(10))
        var segment = fixture.core.segment
        segment.reservations = [Reservation(client: LeaseFixture.mac(1), address: self.address(100), generation: nil)]
        fixture.send(.reconfigured(segment))
        #expect(fixture.renew(1, self.address(10)) == .acknowledge(address: self.address(10), leaseSeconds: 600))
        #expect(fixture.discover(1) == .offer(address: self.address(100), leaseSeconds: 600), "it starts anew")
    }

    @Test func `reservations of the authority need their generation`() {
        let reservation = Reservation(client: LeaseFixture.mac(9), address: self.address(100), generation: 3)
        var fixture = self.started(reservations: [reservation])
        #expect(fixture.acquire(9) == self.address(100))
        #expect(fixture.core.bindings(now: fixture.now).first?.generation == 3)
        fixture.pass(seconds: 613)
        fixture.send(.received(.recycle(RecycleRequest(segmentID: 1, tokens: [Token(address: self.address(100), generation: 3)]))))
        #expect(fixture.discover(9) == .silent(.reservationBusy), "the generation is over")
    }

    @Test func `addresses of an undecided block are not used after a crash, and all is known after an orderly end`() {
        var fixture = self.started()
        #expect(fixture.acquire(1) == self.address(10))
        fixture.restart()
        #expect(fixture.core.statistics(now: fixture.now).undecided == 7, "what was left of two blocks")
        #expect(fixture.renew(1, self.address(10)) == .acknowledge(address: self.address(10), leaseSeconds: 600))
        #expect(fixture.acquire(2) == self.address(18), "after what the crash left undecided")
        fixture.restart(cleanly: true)
        #expect(fixture.renew(2, self.address(18)) == .acknowledge(address: self.address(18), leaseSeconds: 600))
        #expect(fixture.core.statistics(now: fixture.now).undecided == 7)
    }

    @Test func `after a crash recycling waits for the longest lease`() {
        var fixture = self.started()
        fixture.restart()
        let request = LeaseEvent.received(.recycle(RecycleRequest(segmentID: 1, tokens: [Token(address: self.address(10), generation: 0)])))
        fixture.send(request)
        #expect(fixture.core.table[0].floor == 0)
        // Another end, orderly this time, does not make up for the crash.
        fixture.now = fixture.now.advanced(bySeconds: 300)
        fixture.restart(cleanly: true)
        fixture.send(request)
        #expect(fixture.core.table[0].floor == 0)
        fixture.now = fixture.now.advanced(bySeconds: 613)
        fixture.send(request)
        #expect(fixture.core.table[0].floor == 1)
    }

    @Test func `with a full disk known clients are served and new ones are not, until there is room again`() {
        var fixture = self.started()
        #expect(fixture.acquire(1) == self.address(10))
        fixture.diskWorks = false
        #expect(fixture.acquire(2) == self.address(11), "the failure is not known yet")
        #expect(fixture.problems == [.storageFailed])
        #expect(fixture.discover(3) == .silent(.storageFailed))
        #expect(fixture.renew(1, self.address(10)) == .acknowledge(address: self.address(10), leaseSeconds: 600))
        #expect(fixture.renew(2, self.address(11)) == .acknowledge(address: self.address(11), leaseSeconds: 600))
        fixture.diskWorks = true
        fixture.pass(seconds: 6)
        #expect(fixture.problems == [.storageFailed, .storageRecovered])
        #expect(fixture.acquire(3) == self.address(12))
        fixture.restart()
        for client in 1...3 { #expect(fixture.renew(client, self.address(9 + client)) != .silent(.unknownBinding)) }
    }

    @Test func `a binding of another rack is extended, and old news are not believed`() {
        var fixture = self.started()
        func news(_ generation: UInt32, _ client: Int, _ address: Int) -> LeaseEvent {
            .replicated(
                BindingReplication(
                    segmentID: 1, rack: LeaseWorld.names[1],
                    updates: [
                        BindingReplication.Update(
                            address: self.address(address), generation: generation, client: LeaseFixture.mac(client), remainingSeconds: 100
                        )
                    ]
                )
            )
        }
        fixture.send(news(2, 5, 150))
        #expect(fixture.renew(5, self.address(150)) == .acknowledge(address: self.address(150), leaseSeconds: 600))
        fixture.send(news(1, 6, 150))
        #expect(fixture.renew(6, self.address(150)) == .refuse(.boundToAnother))
        fixture.send(news(2, 6, 150))
        #expect(fixture.problems == [.contradiction(Token(address: self.address(150), generation: 2))])
        fixture.send(news(3, 6, 150))
        #expect(fixture.renew(6, self.address(150)) == .acknowledge(address: self.address(150), leaseSeconds: 600))
        fixture.send(news(0, 7, 10))
        #expect(fixture.core.table[0].state == .ready, "an address in our own token is nobody else's")
    }

    @Test func `the grant ends, and with it the service`() {
        var fixture = self.started()
        #expect(fixture.acquire(1) == self.address(10))
        fixture.isLinked = false
        // Asked for at the start, and renewed every ten minutes while the region was there.
        fixture.pass(seconds: 84_000)
        #expect(fixture.renew(1, self.address(10)) == .acknowledge(address: self.address(10), leaseSeconds: 600), "a day without a region")
        fixture.pass(seconds: 2_400)
        #expect(fixture.renew(1, self.address(10)) == .silent(.noGrant))
    }

    @Test func `a standby is silent`() {
        var fixture = self.started()
        fixture.send(.activated(false))
        #expect(fixture.discover(1) == .silent(.standby))
    }

    @Test func `deciding does not change what a copy knows`() {
        let fixture = self.started()
        var one = fixture
        var other = fixture
        #expect(one.acquire(1) == other.acquire(2))
        #expect(fixture.core.statistics(now: fixture.now).bound == 0)
    }
}
