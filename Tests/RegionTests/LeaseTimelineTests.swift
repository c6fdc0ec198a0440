// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import FoundationEssentials
import Leasing
import Logging
import OpenSSL
import Postgres
import PostgresStorage
import TestSupport
import Testing

@testable import Region

@Suite struct LeaseTimelineTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// How many addresses the authority gives out, after a rack's message has been through the service.
    private func vacantCount(_ store: Store) async throws -> Int {
        let service = LeaseAuthorityService(store: store, racks: RackDirectory(), logger: Self.logger)
        let rack = try #require(SystemID("rack34"))
        try await service.received(.report(LeaseReport(segmentID: 1, rack: rack, entries: [])), from: rack)
        let stored = try #require(try await store.read { try await $0.publishedAuthority(vlanID: 1) })
        return try JSONDecoder().decode(LeaseAuthority.self, from: Data(stored)).vacantCount
    }

    @Test func `after a promotion of the database every address is in doubt before the region decides anything`() async throws {
        let server = try await TestPostgres.start()
        let pool = try PostgresPool(PostgresConfiguration(try await server.makeDatabase()), logger: Self.logger)
        let store = Store(pool: pool, secrets: try SecretBox(key: SecureRandom.bytes(32)))
        try await store.migrate()
        var authority = LeaseAuthority(segmentID: 1)
        let (first, last) = (try #require(IPv4Address("10.0.0.10")), try #require(IPv4Address("10.0.0.19")))
        _ = authority.handle(.poolChanged(ranges: [AddressRange(first: first, last: last)], reservations: []), now: .distantPast)
        let snapshot = try [UInt8](JSONEncoder().encode(authority))
        try await store.transaction { try await $0.setAuthoritySnapshot(snapshot, vlanID: 1) }
        #expect(try await self.vacantCount(store) == 10)
        try await server.promote()
        try await eventually("the store answers") { (try? await store.read { try await $0.databaseTimeline() }) == 2 }
        #expect(try await self.vacantCount(store) == 0)
        await pool.shutdown()
    }
}
