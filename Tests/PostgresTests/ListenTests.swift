// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Postgres
import TestSupport
import Testing

@Suite struct ListenTests {
    @Test func `a notification reaches every listener of its channel`() async throws {
        try await withPool { pool in
            var first = pool.listen("machines").makeAsyncIterator()
            #expect(await first.next() == "")
            var second = pool.listen("machines").makeAsyncIterator()
            #expect(await second.next() == "")
            var other = pool.listen("Other \"channel\"").makeAsyncIterator()
            #expect(await other.next() == "")
            try await pool.notify("machines", "42 ü")
            #expect(await first.next() == "42 ü")
            #expect(await second.next() == "42 ü")
            try await pool.transaction { try await $0.execute("SELECT pg_notify(\("Other \"channel\""), \("x"))") }
            #expect(await other.next() == "x")
        }
    }

    @Test func `a slow listener keeps the newest notifications only`() async throws {
        try await withPool({ $0.notificationBuffer = 4 }) { pool in
            var iterator = pool.listen("busy").makeAsyncIterator()
            #expect(await iterator.next() == "")
            var marker = pool.listen("marker").makeAsyncIterator()
            #expect(await marker.next() == "")
            for number in 0..<50 { try await pool.notify("busy", "\(number)") }
            try await pool.notify("marker")
            // Notifications arrive in order: after the marker, all fifty are there.
            #expect(await marker.next() == "")
            var kept: [String] = []
            for _ in 0..<4 { kept.append(try #require(await iterator.next())) }
            #expect(kept == ["46", "47", "48", "49"])
        }
    }

    @Test func `listening goes on after the server restarted, and says to look again`() async throws {
        let server = try await TestPostgres.start()
        try await withPool(on: server) { pool in
            var iterator = pool.listen("events").makeAsyncIterator()
            #expect(await iterator.next() == "")
            try await server.restart()
            #expect(await iterator.next() == "")
            try await pool.notify("events", "after")
            #expect(await iterator.next() == "after")
        }
    }

    @Test func `a stream ends with the pool`() async throws {
        let stream = try await withPool { pool in
            let stream = pool.listen("events")
            var iterator = stream.makeAsyncIterator()
            #expect(await iterator.next() == "")
            return stream
        }
        for await _ in stream { Issue.record("nothing was notified") }
    }

    @Test func `when nobody listens any more the connection is closed`() async throws {
        try await withPool { pool in
            func sessions() async throws -> Int {
                let row = try await pool.queryFirst(
                    "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
                )
                return try #require(try row?.decode(Int.self, "n"))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in pool.listen("events") {} }
                try await eventually("somebody listens") { try await sessions() == 1 }
                group.cancelAll()
                try await group.waitForAll()
            }
            try await eventually("nobody listens") { try await sessions() == 0 }
        }
    }
}
