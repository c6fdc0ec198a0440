// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Postgres
import TestSupport
import Testing

@Suite struct RestartTests {
    @Test(arguments: [false, true])
    func `the pool survives a restart under load`(isCrash: Bool) async throws {
        let server = try await TestPostgres.start()
        let adjust: (inout PostgresConfiguration) -> Void = {
            $0.maximumConnections = 4
            $0.backoffMaximum = .milliseconds(500)
        }
        try await withPool(on: server, adjust) { pool in
            try await pool.execute("CREATE TABLE event (task bigint, step bigint, PRIMARY KEY (task, step))")
            let isOver = Counter()
            let successes = Counter()
            let failures = Counter()
            let confirmed = Collected<[Int]>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<16 {
                    group.addTask {
                        var step = 0
                        while isOver.value == 0 {
                            step += 1
                            do {
                                switch step % 3 {
                                case 0: _ = try await pool.query("SELECT pg_sleep(0.005)")
                                case 1: try await pool.execute("INSERT INTO event VALUES (\(task), \(step))")
                                default:
                                    try await pool.transaction { try await $0.execute("INSERT INTO event VALUES (\(task), \(step))") }
                                }
                                successes.increment()
                                if step % 3 != 0 { confirmed.append([task, step]) }
                            } catch let error as PostgresError {
                                #expect(error.isRetryable, "\(error)")
                                failures.increment()
                            }
                        }
                    }
                }
                try await eventually("there is load") { successes.value > 100 }
                if isCrash { try await server.crash() } else { try await server.stop() }
                try await eventually("queries in flight failed") { failures.value > 0 }
                try await server.start()
                let before = successes.value
                try await eventually("queries succeed again") { successes.value > before + 100 }
                isOver.increment()
                try await group.waitForAll()
            }
            // What was confirmed is there (the server writes its log even without fsync: it was only its process that died).
            let stored = try await pool.query("SELECT task, step FROM event").map {
                [try $0.decode(Int.self, "task"), try $0.decode(Int.self, "step")]
            }
            if !isCrash { #expect(Set(confirmed.elements).isSubset(of: Set(stored))) }
            #expect(await pool.health().consecutiveFailures == 0)
        }
    }

    @Test func `the pool waits for a server that starts later`() async throws {
        let server = try await TestPostgres.start()
        try await withPool(on: server) { pool in
            try await server.stop()
            async let rows = pool.query("SELECT 1")
            try await eventually("attempts fail") { await pool.health().consecutiveFailures > 1 }
            try await server.start()
            #expect(try await rows.count == 1)
        }
    }
}
