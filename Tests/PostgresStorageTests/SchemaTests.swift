// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import FoundationEssentials
import Postgres
import Testing

@testable import PostgresStorage

struct SchemaTests {
    /// Set this variable to write the file anew, after a migration was added.
    private static let updateVariable = "GANTRY_UPDATE_SCHEMA"

    @Test func `a second run of the migrations changes nothing`() async throws {
        try await TestStore.with { test async throws in
            let before = try await MigrationRunner.schemaFingerprint(on: test.pool)
            #expect(try await test.store.migrate() == [])
            #expect(try await MigrationRunner.schemaFingerprint(on: test.pool) == before)
        }
    }

    @Test func `the migrations lead to the schema that was reviewed`() async throws {
        try await TestStore.with { test async throws in
            let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "schema.txt")
            let schema = try await MigrationRunner.schemaFingerprint(on: test.pool)
            if ProcessInfo.processInfo.environment[Self.updateVariable] != nil { try Data(schema.utf8).write(to: file) }
            let reviewed = String(decoding: try Data(contentsOf: file), as: UTF8.self)
            #expect(schema == reviewed, "run this test with \(Self.updateVariable)=1 and look at what changed in \(file.path())")
        }
    }

    @Test func `every constraint of the schema means something to who violates it`() async throws {
        try await TestStore.with { test async throws in
            let constraints = try await test.pool.query(
                """
                SELECT conname AS name FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u', 'x') \
                AND conrelid::regclass::text NOT LIKE '%migration%' \
                UNION SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid \
                WHERE indisunique AND NOT indisprimary AND relnamespace = 'public'::regnamespace
                """
            )
            let names = Set(try constraints.map { try $0.decode(String.self, "name") })
            #expect(names.count > 90)
            let unknown = names.subtracting(ConstraintMeaning.all.keys).sorted()
            let gone = Set(ConstraintMeaning.all.keys).subtracting(names).sorted()
            #expect(unknown == [])
            #expect(gone == [])
        }
    }

    @Test func `the defaults exist from the start`() async throws {
        try await TestStore.with { test async throws in
            try await test.store.read { store async throws in
                #expect(try await store.zones().map(\.name) == ["default"])
                #expect(try await store.zones().map(\.id) == [1])
                #expect(try await store.pools().map(\.id) == [0])
                #expect(try await store.pool(named: "default")?.id == 0)
                #expect(try await store.fabrics().map(\.name) == ["fabric-0"])
                let vlan = try #require(try await store.vlan(fabricID: 0, vid: 0))
                #expect(vlan.name == "untagged")
                #expect(vlan.mtu == 1500)
            }
            let fabric = try await test.store.transaction { try await $0.insert(.init(id: 0, name: "", description: "", classType: nil)) }
            #expect(fabric.name == "fabric-\(fabric.id)")
        }
    }
}
