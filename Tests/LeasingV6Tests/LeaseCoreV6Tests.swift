// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Leasing
import Testing

@testable import LeasingV6

@Suite struct LeaseCoreV6Tests {
    private func network(_ text: String = "fd99::/64") throws -> AddressRule {
        let network = try #require(IPv6Network(text))
        return try #require(AddressRule(network: network))
    }

    /// A rack's core, whose methods may stand in an expectation.
    private final class Rack {
        var core: LeaseCoreV6
        var now = Instant(nanoseconds: 1_000_000_000)

        init(_ segment: LeaseSegmentV6) { self.core = LeaseCoreV6(segment: segment) }

        func offer(_ holder: AddressHolder, _ machine: MACAddress? = nil) -> IPv6Address? {
            self.core.offer(to: holder, machine: machine, now: self.now)
        }

        func bind(_ holder: AddressHolder, _ machine: MACAddress? = nil) -> IPv6Address? {
            self.core.bind(holder, machine: machine, now: self.now)
        }

        func extend(_ address: IPv6Address, _ holder: AddressHolder, _ machine: MACAddress? = nil) -> LeaseCoreV6.Extension {
            self.core.extend(address, for: holder, machine: machine, now: self.now)
        }

        func release(_ address: IPv6Address, _ holder: AddressHolder) -> Bool {
            self.core.release(address, by: holder, machine: nil, now: self.now)
        }

        func decline(_ address: IPv6Address, _ holder: AddressHolder, _ machine: MACAddress? = nil) -> Bool {
            self.core.decline(address, by: holder, machine: machine, now: self.now)
        }

        var leases: [BindingViewV6] { self.core.leases(now: self.now) }

        func pass(seconds: Int) {
            self.now = self.now.advanced(bySeconds: seconds)
            self.core.sweep(now: self.now)
        }
    }

    private func rack(_ number: UInt16, reservations: [MACAddress: IPv6Address] = [:]) throws -> Rack {
        Rack(
            LeaseSegmentV6(
                rule: try self.network(), rackNumber: number, serviceAddress: try #require(IPv6Address("fd99::1")), leaseSeconds: 600,
                reservations: reservations
            )
        )
    }

    private func holder(_ number: UInt32, association: UInt32 = 1) -> AddressHolder {
        let bytes: [UInt8] = [0, 4] + (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        return AddressHolder(identifier: 0..<bytes.count, of: bytes.span, association: association)
    }

    @Test func `SipHash is the reference's`() {
        var hash = SipHash(key: (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908))
        let empty = hash.finish()
        #expect(empty == (0xE6A8_25BA_047F_81A3, 0x9302_55C7_1472_F66D))
        hash = SipHash(key: (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908))
        hash.absorb(0)
        let one = hash.finish()
        #expect(one == (0x44AF_996B_D8C1_87DA, 0x45FC_229B_1159_7634))
    }

    @Test func `an address is the prefix, the rack's number and the client, and always the same`() throws {
        let core = try self.rack(0x1234)
        let address = try #require(core.bind(self.holder(1)))
        #expect(address.high == 0xFD99_0000_0000_0000 && address.low >> 48 == 0x1234)
        let again = try self.rack(0x1234).offer(self.holder(1))
        #expect(again == address)
        #expect(core.offer(self.holder(1, association: 2)) != address)
        #expect(core.offer(self.holder(2)) != address)
    }

    @Test func `any rack extends what another gave out, and nothing that nobody did`() throws {
        let first = try self.rack(1)
        let second = try self.rack(2)
        let address = try #require(first.bind(self.holder(1)))
        #expect(second.extend(address, self.holder(1)) == .extended)
        #expect(second.extend(address, self.holder(2)) == .unknown)
        #expect(second.extend(IPv6Address(high: address.high, low: address.low ^ 1), self.holder(1)) == .unknown)
        #expect(second.extend(IPv6Address(high: 1, low: address.low), self.holder(1)) == .notOnLink)
    }

    @Test func `ten thousand clients of three racks have as many addresses`() throws {
        var all: Set<IPv6Address> = []
        for rack in UInt16(1)...3 {
            let core = try self.rack(rack)
            for number in UInt32(0)..<10_000 {
                all.insert(try #require(core.bind(self.holder(number))))
            }
            #expect(core.leases.count == 10_000)
        }
        #expect(all.count == 30_000)
    }

    @Test func `clients whose addresses would collide get different ones`() throws {
        let core = try self.rack(1)
        let first = self.holder(1)
        let address = try #require(core.offer(first))
        // As if another client had come to the same hash.
        let other = AddressHolder(first: first.first, second: first.second ^ 2)
        #expect(core.bind(other) == address)
        let moved = try #require(core.bind(first))
        #expect(moved != address)
        #expect(core.extend(address, first) == .unknown)
        #expect(core.extend(moved, first) == .extended)
        // When the other's lease has ended, the first one may have it.
        core.pass(seconds: 601)
        #expect(core.offer(first) == address)
    }

    @Test func `a declined address rests for a day`() throws {
        let core = try self.rack(1)
        let address = try #require(core.bind(self.holder(1)))
        #expect(!core.decline(address, self.holder(2)))
        #expect(core.decline(address, self.holder(1)))
        let next = try #require(core.bind(self.holder(1)))
        #expect(next != address)
        #expect(core.extend(address, self.holder(1)) == .unknown)
        core.pass(seconds: 86_399)
        #expect(core.extend(address, self.holder(1)) == .unknown)
        core.pass(seconds: 2)
        #expect(core.extend(address, self.holder(1)) == .extended)
    }

    @Test func `a reserved address is its machine's and nobody else's, and never rests`() throws {
        let machine = try #require(MACAddress("52:54:00:00:00:01"))
        let plain = try #require(self.rack(1).offer(self.holder(1)))
        let core = try self.rack(1, reservations: [machine: plain])
        #expect(core.bind(self.holder(9), machine) == plain)
        #expect(core.offer(self.holder(1)) != plain)
        #expect(core.extend(plain, self.holder(1)) == .unknown)
        #expect(core.extend(plain, self.holder(9), machine) == .extended)
        // The firmware's identity differs from the operating system's; the machine is the same.
        #expect(core.bind(self.holder(10), machine) == plain)
        #expect(core.decline(plain, self.holder(10), machine))
        #expect(core.bind(self.holder(10), machine) == plain)
    }

    @Test func `a released address is forgotten`() throws {
        let core = try self.rack(1)
        let address = try #require(core.bind(self.holder(1)))
        #expect(core.leases.map(\.address) == [address])
        #expect(core.leases.first?.remainingSeconds == 600)
        #expect(core.release(address, self.holder(1)))
        #expect(core.leases.isEmpty)
        #expect(!core.release(address, self.holder(2)))
    }

    @Test func `memory is bounded, and service goes on beyond it`() throws {
        let core = try self.rack(1)
        for number in 0..<UInt32(LeaseCoreV6.maximumBindings) + 10 {
            #expect(core.bind(self.holder(number)) != nil)
        }
        #expect(core.leases.count == LeaseCoreV6.maximumBindings)
        core.pass(seconds: 601)
        #expect(core.leases.isEmpty)
    }

    @Test func `other settings keep the bindings of the same network only`() throws {
        let core = try self.rack(1)
        _ = core.bind(self.holder(1))
        var segment = core.core.segment
        segment.leaseSeconds = 60
        core.core.reconfigure(segment)
        #expect(core.leases.count == 1)
        segment.rule = try self.network("fd98::/48")
        core.core.reconfigure(segment)
        #expect(core.leases.isEmpty)
        let long = try #require(IPv6Network("fd99::/80"))
        #expect(AddressRule(network: long) == nil)
    }

    @Test func `interface identifiers that mean something else are given to nobody`() throws {
        let rule = try self.network()
        // The Ethernet block of RFC 5453, and the anycast addresses at the network's end.
        let proxy = AddressHolder(first: 0x5EFF_FE00_0001, second: 0)
        #expect(rule.address(rack: 0x0200, holder: proxy, salt: 0) == nil)
        #expect(rule.address(rack: 0x0201, holder: proxy, salt: 0) != nil)
        let anycast = AddressHolder(first: 0xFFFF_FFFF_FFFE, second: 0)
        #expect(rule.address(rack: 0xFDFF, holder: anycast, salt: 0) == nil)
    }
}
