// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Logging
import OpenSSL
import Postgres
import TestSupport
import Testing

@testable import PostgresStorage

struct FailureTests {
    @Test func `a database that is gone is unavailable, and back again without a restart`() async throws {
        let server = try await TestPostgres.start()
        var configuration = PostgresConfiguration(try await server.makeDatabase())
        configuration.acquireTimeout = .seconds(2)
        let pool = try PostgresPool(configuration, logger: Logger(label: "test"))
        let store = Store(pool: pool, secrets: try SecretBox(key: [UInt8](repeating: 1, count: 32)))
        try await store.migrate()
        try await server.stop()
        let error = await #expect(throws: StoreError.self) { try await store.transaction { try await $0.zones() } }
        #expect(error?.code == .unavailable)
        try await server.start()
        try await eventually("the store answers") { (try? await store.read { try await $0.zones() })?.count == 1 }
        await pool.shutdown()
    }

    @Test func `a promotion begins a new timeline, which every role may ask for and a restart leaves alone`() async throws {
        let server = try await TestPostgres.start()
        let pool = try PostgresPool(PostgresConfiguration(try await server.makeDatabase()), logger: Logger(label: "test"))
        let store = Store(pool: pool, secrets: try SecretBox(key: [UInt8](repeating: 1, count: 32)))
        try await store.migrate()
        #expect(try await store.read { try await $0.databaseTimeline() } == 1)
        try await server.restart()
        try await eventually("the store answers") { (try? await store.read { try await $0.databaseTimeline() }) == 1 }
        try await server.promote()
        try await eventually("the store answers") { (try? await store.read { try await $0.databaseTimeline() }) == 2 }
        let timeline = try await store.transaction { transaction in
            try await transaction.execute("CREATE ROLE plain")
            try await transaction.execute("SET LOCAL ROLE plain")
            return try await transaction.databaseTimeline()
        }
        #expect(timeline == 2)
        await pool.shutdown()
    }

    @Test func `an error inside undoes the whole transaction and arrives as it was thrown`() async throws {
        try await TestStore.with { test async throws in
            await #expect(throws: StoreError.refused("")) {
                try await test.store.transaction { store in
                    try await store.insert(Zone(id: 0, name: "east", description: ""))
                    throw StoreError.refused("by the caller")
                }
            }
            #expect(try await test.store.read { try await $0.zones() }.count == 1)
        }
    }
}
