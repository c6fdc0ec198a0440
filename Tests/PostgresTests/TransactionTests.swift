// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Postgres
import TestSupport
import Testing

@Suite struct TransactionTests {
    private struct Refused: Error {}

    @Test func `what a transaction did is there after it, and gone when its body throws`() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE item (a bigint)")
            let value = try await pool.transaction { transaction in
                try await transaction.execute("INSERT INTO item VALUES (\(1))")
                return try await transaction.query("SELECT * FROM item").count
            }
            #expect(value == 1)
            await #expect(throws: Refused.self) {
                try await pool.transaction { transaction in
                    try await transaction.execute("INSERT INTO item VALUES (2)")
                    throw Refused()
                }
            }
            #expect(try await pool.query("SELECT * FROM item").count == 1)
            #expect(await pool.health().busy == 0)
        }
    }

    @Test func `a swallowed error cannot commit`() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE item (a bigint)")
            let error = try await postgresError {
                try await pool.transaction { transaction in
                    try await transaction.execute("INSERT INTO item VALUES (1)")
                    _ = try? await transaction.query("SELECT 1/0")
                }
            }
            #expect(error?.code == .transactionAborted)
            #expect(try await pool.query("SELECT * FROM item").isEmpty)
        }
    }

    @Test func `transactions that conflict are run again until all have happened`() async throws {
        try await withPool({ $0.maximumConnections = 6 }) { pool in
            try await pool.execute("CREATE TABLE account (id bigint PRIMARY KEY, balance bigint)")
            try await pool.execute("INSERT INTO account VALUES (1, 0), (2, 0)")
            let runs = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<24 {
                    group.addTask {
                        try await pool.transaction(isolation: index % 2 == 0 ? .serializable : .repeatableRead, retries: 1_000) { transaction in
                            runs.increment()
                            let row = try #require(try await transaction.queryFirst("SELECT balance FROM account WHERE id = 1"))
                            let balance: Int = try row["balance"]
                            try await transaction.execute("UPDATE account SET balance = \(balance + 1) WHERE id = 1")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await pool.queryFirst("SELECT balance FROM account WHERE id = 1")?.decode(Int.self, "balance") == 24)
            #expect(runs.value >= 24)
        }
    }

    @Test func `a certain conflict is retried once, and thrown when no retry is left`() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE account (balance bigint)")
            try await pool.execute("INSERT INTO account VALUES (0)")
            func conflicting(retries: Int) async throws -> Int {
                let runs = Counter()
                try await pool.transaction(isolation: .repeatableRead, retries: retries) { transaction in
                    _ = try await transaction.query("SELECT * FROM account")
                    if runs.increment() == 1 { try await pool.execute("UPDATE account SET balance = balance + 1") }
                    try await transaction.execute("UPDATE account SET balance = balance + 1")
                }
                return runs.value
            }
            #expect(try await conflicting(retries: 1) == 2)
            let error = try await postgresError { _ = try await conflicting(retries: 0) }
            #expect(error?.code == .serializationFailure)
        }
    }

    @Test func `a session keeps its settings to itself`() async throws {
        try await withPool({ $0.maximumConnections = 1 }) { pool in
            let before = try await pool.queryFirst("SELECT current_setting('work_mem') AS value")?.decode(String.self, "value")
            try await pool.withSession { session in
                try await session.execute("SET work_mem = '77MB'")
                let inside = try await session.queryFirst("SELECT current_setting('work_mem') AS value")
                #expect(try inside?.decode(String.self, "value") == "77MB")
            }
            let after = try await pool.queryFirst("SELECT current_setting('work_mem') AS value")?.decode(String.self, "value")
            #expect(after == before)
        }
    }

    @Test func `using a transaction after its end is a bug that traps`() async throws {
        await #expect(processExitsWith: .failure) {
            try await withPool { pool in
                var escaped: PostgresTransaction?
                try await pool.transaction { escaped = $0 }
                _ = try await escaped?.query("SELECT 1")
            }
        }
    }
}
