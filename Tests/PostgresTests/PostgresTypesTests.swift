// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Postgres
import Testing

@Suite struct PostgresTypesTests {
    private enum Power: String, PostgresEncodable, PostgresDecodable {
        case on
        case off
    }

    @Test func `every type comes back as it went`() async throws {
        try await withPool { pool in
            func roundTrip<T: PostgresEncodable & PostgresDecodable & Equatable & Sendable>(_ value: T) async throws {
                let row = try #require(try await pool.queryFirst("SELECT \(value) AS value"))
                #expect(try row.decode(T.self, "value") == value)
                let back: T = try row["value"]
                #expect(back == value)
                let missing: T? = nil
                let empty = try #require(try await pool.queryFirst("SELECT \(missing) AS value"))
                #expect(try empty.decode(T?.self, "value") == nil)
                #expect(try empty.isNull("value"))
                #expect(throws: PostgresError(.decoding(column: "value"), "")) { try empty.decode(T.self, "value") }
            }
            for value in [true, false] { try await roundTrip(value) }
            for value in [0, 1, -1, Int.max, Int.min] { try await roundTrip(value) }
            for value in [0, 7, Int32.max, Int32.min] { try await roundTrip(value) }
            for value in [0, -0.5, 0.1, 1e300, .pi, .infinity, -.infinity, .leastNonzeroMagnitude] { try await roundTrip(value) }
            for value in ["", "a", "naïve 💾 日本語", "'; DROP TABLE x; --", "{}", "\\x", "NULL", "tab\tline\n"] { try await roundTrip(value) }
            for value in [[], [0], [0, 1, 255, 92, 39]] as [[UInt8]] { try await roundTrip(value) }
            for value in [[], [""], ["a", "b c", "d,e", "f\"g", "h\\i", "NULL", "{}", "💾"]] as [[String]] { try await roundTrip(value) }
            for value in [[], [1], [Int.min, 0, Int.max]] as [[Int]] { try await roundTrip(value) }
            for value in [[], [Int32.min, Int32.max]] as [[Int32]] { try await roundTrip(value) }
            for value in [0, 1, -1, 946_684_800_000_000, 1_795_388_232_123_456, -62_135_596_800_000_000] as [Int64] {
                try await roundTrip(PostgresTimestamp(microseconds: value))
            }
            try await roundTrip(Power.on)
            try await roundTrip(PostgresJSON(#"{"a": [1, 2.5, null, "ü"]}"#))
        }
    }

    @Test func `four megabytes of bytes come back`() async throws {
        try await withPool { pool in
            var state: UInt64 = 1
            let bytes = (0..<4_194_304).map { _ -> UInt8 in
                state = state &* 6_364_136_223_846_793_005 &+ 1
                return UInt8(truncatingIfNeeded: state >> 56)
            }
            let row = try #require(try await pool.queryFirst("SELECT \(bytes) AS value, length(\(bytes)) AS length"))
            #expect(try row.decode(Int.self, "length") == bytes.count)
            #expect(try row.decode([UInt8].self, "value") == bytes)
        }
    }

    @Test func `untyped text takes the type of its context`() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE host (address inet, mac macaddr, age interval, name text)")
            let count = try await pool.execute(
                """
                INSERT INTO host VALUES (\(PostgresUntyped("10.0.0.1/24")), \(PostgresUntyped("52:54:00:12:34:56")),
                \(PostgresUntyped("3 days")), \("x"))
                """
            )
            #expect(count == 1)
            let row = try #require(try await pool.queryFirst("SELECT * FROM host WHERE address = \(PostgresUntyped("10.0.0.1/24"))"))
            #expect(row.columns == ["address", "mac", "age", "name"])
            #expect(try row.decode(String.self, "address") == "10.0.0.1/24")
            #expect(try row.decode(String.self, "mac") == "52:54:00:12:34:56")
            #expect(try row.decode(String.self, "age") == "P3D")
            #expect(try row.decode(String.self, at: 3) == "x")
        }
    }

    @Test func `text with a NUL byte is an error and harms nobody`() async throws {
        try await withPool { pool in
            let refused = try await postgresError { _ = try await pool.query("SELECT \("a\0b") AS value") }
            #expect(refused?.code == .sqlState("22021"))
            let untyped = try await postgresError { _ = try await pool.query("SELECT \(PostgresUntyped("a\0b"))::inet") }
            #expect(untyped?.code == .invalidParameter)
            let text = try await postgresError { _ = try await pool.query(PostgresQuery(unescaped: "SELECT '\0'")) }
            #expect(text?.code == .invalidParameter)
            #expect(try await pool.query("SELECT 1").count == 1)
        }
    }

    @Test func `a column that is missing or of another type is named`() async throws {
        try await withPool { pool in
            let row = try #require(try await pool.queryFirst("SELECT 'abc' AS word, 300 AS number"))
            #expect(throws: PostgresError(.decoding(column: "nothing"), "")) { try row.decode(String.self, "nothing") }
            #expect(throws: PostgresError(.decoding(column: "word"), "")) { try row.decode(Int.self, "word") }
            #expect(throws: PostgresError(.decoding(column: "2"), "")) { try row.decode(Int.self, at: 2) }
            #expect(throws: PostgresError(.decoding(column: "word"), "")) { try row.decode(Power.self, "word") }
            #expect(throws: PostgresError(.decoding(column: "number"), "")) { try row.decode([UInt8].self, "number") }
        }
    }

    @Test func `too many parameters are refused before they are sent`() async throws {
        try await withPool { pool in
            let list = PostgresQuery.joined((0..<65_536).map { "\($0)" }, separator: ",")
            let error = try await postgresError { _ = try await pool.query("SELECT 1 WHERE 1 IN (\(list))") }
            #expect(error?.code == .invalidParameter)
            let fits = PostgresQuery.joined((0..<65_535).map { "\($0)" }, separator: ",")
            #expect(try await pool.query("SELECT 1 WHERE 1 IN (\(fits))").count == 1)
        }
    }
}
