// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Postgres
import TestSupport
import Testing

@Suite struct MigrationTests {
    private let first = Migration(
        number: 1, name: "zones",
        statements: ["CREATE TYPE power AS ENUM ('on', 'off')", "CREATE TABLE zone (name text PRIMARY KEY, note text DEFAULT 'x')"]
    )
    private let second = Migration(
        number: 2, name: "machines",
        statements: [
            """
            CREATE TABLE machine (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, zone text NOT NULL REFERENCES zone, power power,
                memory bigint CONSTRAINT memory_positive CHECK (memory > 0))
            """,
            "CREATE INDEX machine_zone ON machine (zone) WHERE power = 'on'",
            "CREATE VIEW running AS SELECT id FROM machine WHERE power = 'on'",
            "CREATE FUNCTION twice(a bigint) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN a * 2",
        ]
    )

    @Test func `missing migrations are run once, in order`() async throws {
        try await withPool { pool in
            #expect(try await MigrationRunner([first]).run(on: pool) == [1])
            #expect(try await MigrationRunner([first]).run(on: pool) == [])
            #expect(try await MigrationRunner([first, second]).run(on: pool) == [2])
            let rows = try await pool.query("SELECT number, name, length(digest) AS length FROM schema_migration ORDER BY number")
            #expect(try rows.map { try $0.decode(String.self, "name") } == ["zones", "machines"])
            #expect(try rows.map { try $0.decode(Int.self, "length") } == [64, 64])
        }
    }

    @Test func `runners that race run each migration once`() async throws {
        let url = try await TestPostgres.shared().makeDatabase()
        let runner = MigrationRunner([first, second])
        let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<4 { group.addTask { try await withPool(url: url) { try await runner.run(on: $0) } } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(applied.sorted() == [1, 2])
    }

    @Test func `a changed migration is refused`() async throws {
        try await withPool { pool in
            try await MigrationRunner([first]).run(on: pool)
            let changed = Migration(number: 1, name: "zones", statements: first.statements + ["SELECT 1"])
            let error = try await postgresError { try await MigrationRunner([changed, second]).run(on: pool) }
            #expect(error?.code == .migration)
            #expect(error?.message.contains("migration 1") == true)
            #expect(try await pool.query("SELECT * FROM schema_migration").count == 1)
        }
    }

    @Test func `a database newer than the program is refused`() async throws {
        try await withPool { pool in
            try await MigrationRunner([first, second]).run(on: pool)
            let error = try await postgresError { try await MigrationRunner([first]).run(on: pool) }
            #expect(error?.code == .migration)
            #expect(error?.message.contains("too old") == true)
        }
    }

    @Test func `a migration that fails leaves nothing of itself`() async throws {
        try await withPool { pool in
            let broken = Migration(number: 2, name: "broken", statements: ["CREATE TABLE half (a int)", "SELECT 1/0"])
            let error = try await postgresError { try await MigrationRunner([first, broken]).run(on: pool) }
            #expect(error?.code == .migration)
            #expect((error?.cause as? PostgresError)?.code == .sqlState("22012"))
            #expect(try await pool.query("SELECT to_regclass('half')::text AS name").first?.isNull("name") == true)
            #expect(try await MigrationRunner([first, second]).run(on: pool) == [2])
        }
    }

    @Test func `the fingerprint describes the schema, and is the same for the same schema`() async throws {
        func fingerprint() async throws -> String {
            try await withPool { pool in
                try await MigrationRunner([first, second]).run(on: pool)
                return try await MigrationRunner.schemaFingerprint(on: pool)
            }
        }
        let text = try await fingerprint()
        #expect(try await fingerprint() == text)
        let expected = [
            "enum power: on, off", "sequence machine_id_seq", "table machine", "  column id bigint NOT NULL IDENTITY ALWAYS",
            "  column zone text NOT NULL", "  column power power", "  constraint machine_pkey PRIMARY KEY (id)",
            "  constraint machine_zone_fkey FOREIGN KEY (zone) REFERENCES zone(name)", "  constraint memory_positive CHECK ((memory > 0))",
            "  index CREATE INDEX machine_zone ON public.machine USING btree (zone) WHERE (power = 'on'::power)", "table schema_migration",
            "table zone", "  column note text DEFAULT 'x'::text", "view running", "function twice(bigint)",
        ]
        let lines = text.split(separator: "\n").map(String.init)
        for line in expected { #expect(lines.contains(line), "missing: \(line)\nin\n\(text)") }
    }
}
