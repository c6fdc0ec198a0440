// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Postgres

@Suite struct QueryTests {
    @Test func `an interpolated value becomes a placeholder`() {
        let name = "x'; DROP TABLE machine; --"
        let query: PostgresQuery = "SELECT 1 WHERE a = \(name) AND b = \(7)"
        #expect(query.sql == "SELECT 1 WHERE a = $1 AND b = $2")
        #expect(query.parameters == [name.postgresValue, 7.postgresValue])
    }

    @Test func `an embedded query keeps its parameters in order`() {
        let condition: PostgresQuery = "zone = \("east") OR zone = \("west")"
        let query: PostgresQuery = "SELECT \(1) WHERE (\(condition)) AND up = \(true)"
        #expect(query.sql == "SELECT $1 WHERE (zone = $2 OR zone = $3) AND up = $4")
        #expect(query.parameters == [1.postgresValue, "east".postgresValue, "west".postgresValue, true.postgresValue])
    }

    @Test func `fragments are joined and appended`() {
        var query: PostgresQuery = "SELECT 1"
        query.append(" WHERE ")
        query.append(.joined(["a = \(1)", "b = \(2)"], separator: " AND "))
        #expect(query.sql == "SELECT 1 WHERE a = $1 AND b = $2")
        #expect(PostgresQuery.joined([], separator: ",").sql.isEmpty)
    }

    @Test func `identifiers are quoted and trusted text is not`() {
        let query: PostgresQuery = "SELECT * FROM \(identifier: "odd\"name") ORDER BY \(unescaped: "id DESC")"
        #expect(query.sql == "SELECT * FROM \"odd\"\"name\" ORDER BY id DESC")
    }

    @Test func `a missing value is a NULL of the wrapped type`() {
        let name: String? = nil
        #expect(name.postgresValue == PostgresValue(type: .text, bytes: nil))
    }

    @Test func `parameters have the server's binary form`() {
        #expect(true.postgresValue.bytes == [1])
        #expect((-2).postgresValue.bytes == [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe])
        #expect(Int32(258).postgresValue.bytes == [0, 0, 1, 2])
        #expect(1.0.postgresValue.bytes == [0x3f, 0xf0, 0, 0, 0, 0, 0, 0])
        #expect(PostgresJSON("{}").postgresValue.bytes == [1, 0x7b, 0x7d])
        // 2000-01-01T00:00:00.000001Z is one microsecond after the server's epoch.
        #expect(PostgresTimestamp(microseconds: 946_684_800_000_001).postgresValue.bytes == [0, 0, 0, 0, 0, 0, 0, 1])
        let array: [UInt8] = [
            0, 0, 0, 1,  // one dimension
            0, 0, 0, 0,  // no NULLs
            0, 0, 0, 25,  // of text
            0, 0, 0, 2,  // two elements
            0, 0, 0, 1,  // counted from 1
            0, 0, 0, 1, 0x61,  // "a"
            0, 0, 0, 0,  // ""
        ]
        #expect(["a", ""].postgresValue == PostgresValue(type: .textArray, bytes: array))
        #expect([Int]().postgresValue.bytes == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20])
        #expect([UInt8]([1, 2]).postgresValue == PostgresValue(type: .bytea, bytes: [1, 2]))
    }

    @Test(arguments: [
        ("{}", []), ("{a}", ["a"]), ("{a,b}", ["a", "b"]), (#"{"a b","c,d"}"#, ["a b", "c,d"]),
        (#"{"q\"uote","back\\slash"}"#, ["q\"uote", "back\\slash"]), (#"{"NULL",""}"#, ["NULL", ""]), ("{ä,💾}", ["ä", "💾"]),
    ])
    func `arrays are read`(text: String, expected: [String]) throws {
        #expect(try [String].decode(cell(text)) == expected)
    }

    @Test(arguments: ["", "{", "}", "a", "{a", #"{"a}"#, #"{a\}"#, "{{1,2},{3,4}}", "{NULL}", "[0:1]={1,2}"])
    func `what is not an array of values is refused`(text: String) {
        #expect(throws: PostgresDecodingFailure.self) { try [String].decode(cell(text)) }
    }

    @Test(arguments: [
        ("1970-01-01 00:00:00+00", 0), ("2000-01-01 00:00:00.000001+00", 946_684_800_000_001),
        ("2026-11-22 22:57:12.5+00", 1_795_388_232_500_000), ("1969-12-31 23:59:59.999999+00", -1),
        ("2024-02-29 12:00:00+00", 1_709_208_000_000_000), ("0001-01-01 00:00:00+00", -62_135_596_800_000_000),
        ("0001-12-31 00:00:00+00 BC", -62_135_683_200_000_000), ("10000-01-01 00:00:00+00", 253_402_300_800_000_000),
    ])
    func `timestamps are read`(text: String, microseconds: Int64) throws {
        #expect(try PostgresTimestamp.decode(cell(text)) == PostgresTimestamp(microseconds: microseconds))
    }

    @Test(arguments: ["", "infinity", "2026-11-22", "2026-13-01 00:00:00+00", "2026-11-22 22:57:12+01", "2026-11-22 22:57:12.+00"])
    func `what is not a moment in UTC is refused`(text: String) {
        #expect(throws: PostgresDecodingFailure.self) { try PostgresTimestamp.decode(cell(text)) }
    }

    @Test func `random bytes never trap a decoder`() {
        var generator = SplitMix64(state: 7)
        let alphabet = Array("{}\",\\0123456789-+:. abcxNULLBC".utf8) + [0, 0xff, 0xc3]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<24, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            let cell = PostgresCell(type: .text, bytes: bytes[...])
            _ = try? [String].decode(cell)
            _ = try? [UInt8].decode(cell)
            _ = try? PostgresTimestamp.decode(cell)
            _ = try? Int.decode(cell)
        }
    }

    @Test func `errors are equal by their code and know what may be retried`() {
        #expect(PostgresError(.timeout, "a") == PostgresError(.timeout, "b"))
        #expect(PostgresError(.timeout, "a") != PostgresError(.poolClosed, "a"))
        #expect(PostgresError(.serializationFailure, "").isRetryable)
        #expect(!PostgresError(.uniqueViolation(constraint: "x"), "").isRetryable)
        #expect(PostgresError(.sqlState("53300"), "").isRetryable)
        #expect(!PostgresError(.sqlState("42601"), "").isRetryable)
    }

    @Test func `hosts are taken apart with their ports`() throws {
        let url = "postgresql://u@a,10.0.0.1,[::1]:7/d?target_session_attrs=read-write"
        let parameters = try ConnectionParameters(url)
        let candidates = try #require(parameters.candidates)
        #expect(candidates.map(\.host) == ["a", "10.0.0.1", "::1"])
        #expect(candidates.map(\.port) == ["", "", "7"])
        #expect(candidates.map(\.mustResolve) == [true, false, false])
        let second = parameters.with(candidates[1])
        #expect(second.values["host"] == "10.0.0.1")
        #expect(second.values["target_session_attrs"] == "read-write")
    }

    @Test func `a connection string that cannot be parsed is not repeated in the error`() throws {
        let error = #expect(throws: PostgresError.self) { try ConnectionParameters("host=x password='geheim") }
        #expect(error?.description.contains("geheim") == false)
    }

    @Test func `the least recently used statement gives way`() {
        var statements = PreparedStatements(limit: 2)
        func key(_ sql: String) -> PreparedStatements.Key { .init(sql: sql, types: []) }
        let first = statements.use(key("a"))
        #expect(first.isNew)
        #expect(statements.use(key("b")).isNew)
        #expect(!statements.use(key("a")).isNew)
        #expect(statements.use(key("c")).isNew)
        #expect(statements.count == 2)
        #expect(statements.takeRetired() == ["gantry_2"])
        #expect(!statements.use(key("a")).isNew)
        statements.forget(key("a"), name: first.name, isOnServer: true)
        statements.forget(key("a"), name: first.name, isOnServer: true)
        #expect(statements.takeRetired() == [first.name])
    }

    private func cell(_ text: String) -> PostgresCell {
        PostgresCell(type: .text, bytes: Array(text.utf8)[...])
    }
}
