// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import FoundationEssentials
import Testing

@testable import Leasing

@Suite struct LeaseValueTests {
    @Test func `journal records as bytes`() throws {
        let record = LeaseRecord.addresses([
            AddressRecord(
                address: LeaseFixture.address(10), state: .bound, generation: 2, floor: 1, handed: 3,
                client: MACAddress(rawValue: 0x5254_0012_3456)
            )
        ])
        let bytes: [UInt8] = [
            3,  // addresses
            10, 0, 0, 10,  // address
            3,  // bound
            0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3,  // generation, floor, handed
            0x52, 0x54, 0x00, 0x12, 0x34, 0x56,  // client
        ]
        #expect(record.bytes == bytes)
        #expect(try LeaseRecord(bytes: bytes.span) == record)
        for other in [LeaseRecord.header(journal: .max - 1), .vector(version: 258), .clean, .addresses([])] {
            let bytes = other.bytes
            #expect(try LeaseRecord(bytes: bytes.span) == other)
        }
    }

    @Test func `journal records cut or damaged are errors`() {
        let bytes = LeaseRecord.addresses([
            AddressRecord(address: LeaseFixture.address(1), state: .token, generation: 0, floor: 0, handed: 1, client: LeaseFixture.mac(1))
        ]).bytes
        for length in 0..<bytes.count where length != 1 {
            let cut = Array(bytes.prefix(length))
            #expect(throws: LeaseRecordError.self) { try LeaseRecord(bytes: cut.span) }
        }
        var random = SplitMix(state: 3)
        for _ in 0..<20_000 {
            let noise = (0..<Int(random.next() % 60)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = try? LeaseRecord(bytes: noise.span)
        }
        let strange = bytes[..<5] + [9] + bytes[6...]
        #expect(throws: LeaseRecordError.unknownState(9)) { try LeaseRecord(bytes: strange.span) }
        let unknown: [UInt8] = [77]
        #expect(throws: LeaseRecordError.unknownKind(77)) { try LeaseRecord(bytes: unknown.span) }
    }

    @Test func `the flat index is a dictionary`() {
        var random = SplitMix(state: 9)
        var index = FlatIndex()
        var expected: [UInt64: Int] = [:]
        for round in 0..<50_000 {
            let key = random.next() % 3_000
            if random.chance(0.45) {
                index.remove(key)
                expected[key] = nil
            } else {
                index.set(key, to: round)
                expected[key] = round
            }
            #expect(index.count == expected.count)
        }
        for key in UInt64(0)..<3_000 { #expect(index[key] == expected[key]) }
    }

    @Test func `messages and the authority survive JSON`() throws {
        var fixture = LeaseFixture(reservations: [Reservation(client: LeaseFixture.mac(1), address: LeaseFixture.address(100), generation: 0)])
        fixture.send(.started)
        _ = fixture.acquire(2)
        let bytes = try JSONEncoder().encode(fixture.authority)
        var restored = try JSONDecoder().decode(LeaseAuthority.self, from: bytes)
        let later = fixture.now.advanced(bySeconds: 100)
        #expect(restored.handle(.timeElapsed, now: later) == fixture.authority.handle(.timeElapsed, now: later))
        #expect(restored.vacantCount == fixture.authority.vacantCount)
        let message = LeaseRackMessage.report(LeaseReport(segmentID: 1, rack: LeaseFixture.rack, entries: fixture.reports))
        #expect(try JSONDecoder().decode(LeaseRackMessage.self, from: JSONEncoder().encode(message)) == message)
        let order = LeaseAuthorityMessage.recycle(RecycleRequest(segmentID: 1, tokens: [Token(address: LeaseFixture.address(3), generation: 4)]))
        #expect(try JSONDecoder().decode(LeaseAuthorityMessage.self, from: JSONEncoder().encode(order)) == order)
    }

    @Test func `instants do not overflow`() {
        let last = Instant(nanoseconds: .max)
        #expect(last.advanced(bySeconds: 1) == last)
        #expect(Instant.distantPast.advanced(bySeconds: -1) == .distantPast)
        #expect(Instant.distantPast.nanoseconds(until: last) == .max)
        #expect(last.nanoseconds(until: .distantPast) == .min)
        #expect(Instant(nanoseconds: 0).advanced(bySeconds: .max) == last)
    }
}
