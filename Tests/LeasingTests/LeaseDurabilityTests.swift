// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import Leasing

/// What is known of bindings between the answer and the disk.
@Suite struct LeaseDurabilityTests {
    private func fixture() -> LeaseFixture {
        var fixture = LeaseFixture()
        fixture.send(.started)
        return fixture
    }

    /// A client that was just answered, and that neither the journal nor the region has been told of.
    private func bind(_ client: Int, _ fixture: inout LeaseFixture) throws -> IPv4Address {
        guard case .offer(let address, _) = fixture.discover(client) else { throw Missing() }
        let query = LeaseQuery(
            kind: .request, client: LeaseFixture.mac(client), requestedAddress: address, serverIdentifier: LeaseFixture.service
        )
        guard case .acknowledge = fixture.core.decide(query, now: fixture.now) else { throw Missing() }
        return address
    }

    private struct Missing: Error {}

    @Test func `a binding awaits the disk until the journal has it`() throws {
        var fixture = self.fixture()
        let address = try self.bind(1, &fixture)
        let binding = try #require(fixture.core.bindingAwaitingDisk(of: address))
        #expect(binding.client == LeaseFixture.mac(1) && binding.state == .bound)
        fixture.send(.timeElapsed)
        #expect(fixture.core.bindingAwaitingDisk(of: address) == nil)
        _ = fixture.renew(1, address)
        #expect(fixture.core.bindingAwaitingDisk(of: address) == nil, "a renewal promises nothing that the journal does not have")
    }

    @Test func `a binding awaits the disk as long as the journal fails`() throws {
        var fixture = self.fixture()
        let address = try self.bind(1, &fixture)
        fixture.diskWorks = false
        fixture.send(.timeElapsed)
        #expect(fixture.core.bindingAwaitingDisk(of: address) != nil)
        fixture.pass(seconds: 6)
        #expect(fixture.core.bindingAwaitingDisk(of: address) != nil)
        fixture.diskWorks = true
        fixture.pass(seconds: 6)
        #expect(fixture.core.bindingAwaitingDisk(of: address) == nil)
    }

    @Test func `a client is known after a kill by what was left beside the journal`() throws {
        var fixture = self.fixture()
        let address = try self.bind(1, &fixture)
        let left = try #require(fixture.core.bindingAwaitingDisk(of: address))
        var forgetful = fixture
        forgetful.restart()
        #expect(forgetful.renew(1, address) == .silent(.unknownBinding))
        fixture.restart(recent: [left])
        #expect(fixture.renew(1, address) == .acknowledge(address: address, leaseSeconds: 600))
        // The next kill finds it in the journal.
        fixture.restart()
        #expect(fixture.renew(1, address) == .acknowledge(address: address, leaseSeconds: 600))
        let other = fixture.acquire(2)
        #expect(other != nil && other != address)
    }

    @Test func `what was left beside the journal counts only for addresses that were written off in that generation`() throws {
        var fixture = self.fixture()
        let address = try self.bind(1, &fixture)
        fixture.send(.timeElapsed)
        let records = [
            // The journal knows whose it is.
            AddressRecord(address: address, state: .bound, generation: 0, floor: 0, handed: 0, client: LeaseFixture.mac(7)),
            // A token that nobody was promised, and an address that is none of ours.
            AddressRecord(address: LeaseFixture.address(25), state: .bound, generation: 0, floor: 0, handed: 0, client: LeaseFixture.mac(8)),
            AddressRecord(address: LeaseFixture.address(200), state: .bound, generation: 0, floor: 0, handed: 0, client: LeaseFixture.mac(9)),
            // A generation that is not the one written off.
            AddressRecord(address: LeaseFixture.address(11), state: .bound, generation: 5, floor: 0, handed: 0, client: LeaseFixture.mac(6)),
        ]
        fixture.restart(recent: records)
        #expect(fixture.renew(1, address) == .acknowledge(address: address, leaseSeconds: 600))
        #expect(fixture.core.bindings(now: fixture.now).map(\.address) == [address])
    }

    @Test func `the newest word about an address counts`() throws {
        var fixture = self.fixture()
        let address = try self.bind(1, &fixture)
        var left = try #require(fixture.core.bindingAwaitingDisk(of: address))
        let newest = left
        left.client = LeaseFixture.mac(3)
        fixture.restart(recent: [newest, left])
        #expect(fixture.renew(1, address) == .acknowledge(address: address, leaseSeconds: 600))
    }
}
