// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

@testable import Postgres

@Suite struct PostgresPoolTests {
    @Test func `violations are mapped with the names of their constraints`() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE zone (name text CONSTRAINT zone_name_key UNIQUE)")
            try await pool.execute(
                """
                CREATE TABLE machine (
                    id bigint PRIMARY KEY, zone text CONSTRAINT machine_zone_fkey REFERENCES zone (name),
                    cores int NOT NULL CONSTRAINT machine_cores_check CHECK (cores > 0))
                """
            )
            try await pool.execute("INSERT INTO zone VALUES ('a')")
            func code(_ query: PostgresQuery) async throws -> PostgresError.Code? {
                try await postgresError { try await pool.execute(query) }?.code
            }
            #expect(try await code("INSERT INTO zone VALUES ('a')") == .uniqueViolation(constraint: "zone_name_key"))
            #expect(try await code("INSERT INTO machine VALUES (1, 'b', 1)") == .foreignKeyViolation(constraint: "machine_zone_fkey"))
            #expect(try await code("INSERT INTO machine VALUES (1, 'a', 0)") == .checkViolation(constraint: "machine_cores_check"))
            #expect(try await code("INSERT INTO machine VALUES (1, 'a', NULL)") == .notNullViolation(column: "cores"))
            #expect(try await code("SELEC 1") == .sqlState("42601"))
            #expect(try await pool.execute("INSERT INTO machine SELECT i, 'a', i FROM generate_series(1, 5) i") == 5)
            #expect(try await pool.execute("UPDATE machine SET cores = 9 WHERE id > \(3)") == 2)
            #expect(try await pool.query("DELETE FROM machine WHERE id = 1 RETURNING id").count == 1)
        }
    }

    @Test func `sixty-four tasks share four connections`() async throws {
        try await withPool({ $0.maximumConnections = 4 }) { pool in
            try await pool.execute("CREATE TABLE counter (task bigint, step bigint)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<64 {
                    group.addTask {
                        for step in 0..<20 {
                            if step.isMultiple(of: 4) { try await pool.execute("INSERT INTO counter VALUES (\(task), \(step))") }
                            let row = try await pool.queryFirst("SELECT \(task) AS task, \(step) AS step, pg_backend_pid() AS pid")
                            #expect(try row?.decode(Int.self, "task") == task)
                            #expect(try row?.decode(Int.self, "step") == step)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await pool.queryFirst("SELECT count(*) AS n FROM counter")?.decode(Int.self, "n") == 320)
            let sessions = try await pool.queryFirst("SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()")
            #expect(try #require(try sessions?.decode(Int.self, "n")) <= 4)
            let health = await pool.health()
            #expect(health.busy == 0 && health.waiting == 0 && health.idle <= 4)
        }
    }

    @Test func `an error in one pipelined query does not hurt the others`() async throws {
        // One connection and a first query that takes a while, so that all others are sent behind one another.
        try await withPool({
            $0.maximumConnections = 1; $0.maximumPipelineDepth = 100
        }) { pool in
            let failures = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await pool.query("SELECT pg_sleep(0.2)") }
                for index in 0..<60 {
                    group.addTask {
                        do {
                            let row = try await pool.queryFirst("SELECT 12 / \(index % 3) AS value, \(index) AS index")
                            #expect(try row?.decode(Int.self, "index") == index)
                        } catch let error as PostgresError {
                            #expect(error.code == .sqlState("22012") && index % 3 == 0)
                            failures.increment()
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(failures.value == 20)
        }
    }

    @Test func `one connection serves queries, executes and transactions, one after another`() async throws {
        try await withPool { pool in
            func process() async throws -> Int {
                let row = try #require(try await pool.queryFirst("SELECT pg_backend_pid() AS pid"))
                return try row["pid"]
            }
            let first = try await process()
            for _ in 0..<3 {
                try await pool.execute("SELECT set_config('gantry.test', 'x', true)")
                try await pool.transaction { try await $0.execute("SELECT 1") }
                _ = try await postgresError { try await pool.transaction { try await $0.execute("SELECT 1/0") } }
                #expect(try await process() == first)
            }
        }
    }

    @Test func `prepared statements are bounded and survive a change of the schema`() async throws {
        try await withPool({
            $0.maximumConnections = 1; $0.preparedStatementLimit = 4
        }) { pool in
            try await pool.execute(PostgresQuery(unescaped: "CREATE TABLE thing (a int)", prepared: false))
            for index in 0..<40 {
                _ = try await pool.query("SELECT \(index) AS a, \(unescaped: String(index)) AS b")
            }
            let count = try await pool.queryFirst("SELECT count(*) AS n FROM pg_prepared_statements")
            #expect(try #require(try count?.decode(Int.self, "n")) <= 5)
            for round in 0..<3 {
                #expect(try await pool.query("SELECT * FROM thing").isEmpty)
                let column = "b\(round)"
                try await pool.execute(PostgresQuery(unescaped: "ALTER TABLE thing ADD COLUMN \(column) text", prepared: false))
            }
            try await pool.transaction { transaction in
                try await transaction.execute("INSERT INTO thing VALUES (1)")
                let row = try await transaction.queryFirst("SELECT * FROM thing")
                #expect(row?.columns == ["a", "b0", "b1", "b2"])
            }
        }
    }

    @Test func `an unreachable server is an error in time`() async throws {
        try await withPool(url: "postgresql://gantry@/x?host=%2Fnonexistent", { $0.acquireTimeout = .milliseconds(300) }) { pool in
            let error = try await postgresError { _ = try await pool.query("SELECT 1") }
            #expect(error?.code == .connectionFailed)
            #expect(error?.isRetryable == true)
            #expect(error?.description.contains("/nonexistent") == true)
            #expect(await pool.health().consecutiveFailures > 0)
        }
    }

    @Test func `an exhausted pool is an error in time`() async throws {
        try await withPool({
            $0.maximumConnections = 1; $0.acquireTimeout = .milliseconds(200); $0.maximumWaiters = 1
        }) { pool in
            // On a busy machine even the first connection may take longer than the pool here waits.
            try await eventually("there is a connection") { (try? await pool.query("SELECT 1")) != nil }
            try await pool.transaction { transaction in
                let start = ContinuousClock.now
                let error = try await postgresError { _ = try await pool.query("SELECT 1") }
                #expect(error?.code == .poolExhausted)
                #expect(ContinuousClock.now - start >= .milliseconds(200))
                async let first = postgresError { _ = try await pool.query("SELECT 1") }
                async let second = postgresError { _ = try await pool.query("SELECT 1") }
                #expect(try await first?.code == .poolExhausted)
                #expect(try await second?.code == .poolExhausted)
                _ = try await transaction.query("SELECT 1")
            }
            #expect(try await pool.query("SELECT 1").count == 1)
        }
    }

    @Test func `a statement hits the server's deadline`() async throws {
        try await withPool({ $0.statementTimeout = .seconds(1) }) { pool in
            let error = try await postgresError { _ = try await pool.query("SELECT pg_sleep(600)") }
            #expect(error?.code == .timeout)
            #expect(try await pool.query("SELECT 1").count == 1)
        }
    }

    @Test func `a statement hits its own deadline and is cancelled on the server`() async throws {
        try await withPool { pool in
            let error = try await postgresError { _ = try await pool.query("SELECT pg_sleep(601)", timeout: .milliseconds(200)) }
            #expect(error?.code == .timeout)
            try await eventually("the statement no longer runs") {
                let row = try await pool.queryFirst(
                    """
                    SELECT count(*) AS n FROM pg_stat_activity
                    WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(601)%' AND pid <> pg_backend_pid()
                    """
                )
                return try row?.decode(Int.self, "n") == 0
            }
        }
    }

    @Test func `a server that does not even answer a cancel request is given up`() async throws {
        try await withPool({
            $0.statementTimeout = .seconds(2); $0.cancelGrace = .seconds(1); $0.maximumConnections = 2
        }) { pool in
            let process = Collected<Int32>()
            let error = try await postgresError {
                try await pool.withSession { session in
                    let row = try #require(try await session.queryFirst("SELECT pg_backend_pid() AS pid"))
                    process.append(try row["pid"])
                    kill(try row["pid"], SIGSTOP)
                    _ = try await session.query("SELECT 1")
                }
            }
            for stopped in process.elements { kill(stopped, SIGCONT) }
            #expect(error?.code == .timeout)
            #expect(try await pool.query("SELECT 1").count == 1)
        }
    }

    @Test func `a cancelled task ends at once and leaves a usable pool`() async throws {
        try await withPool({ $0.maximumConnections = 2 }) { pool in
            for isTransaction in [false, true] {
                let start = ContinuousClock.now
                await #expect(throws: CancellationError.self) {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            if isTransaction {
                                try await pool.transaction { _ = try await $0.query("SELECT pg_sleep(20)") }
                            } else {
                                _ = try await pool.query("SELECT pg_sleep(20)")
                            }
                        }
                        try await eventually("the query runs") { await pool.health().busy > 0 }
                        group.cancelAll()
                        try await group.waitForAll()
                    }
                }
                #expect(ContinuousClock.now - start < .seconds(19))
            }
            let rows = try await pool.transaction { try await $0.query("SELECT 1") }
            #expect(rows.count == 1)
        }
    }

    @Test func `shutting down fails what is in flight and what comes later`() async throws {
        try await withPool { pool in
            async let running = postgresError { _ = try await pool.query("SELECT pg_sleep(600)") }
            try await eventually("the query runs") { await pool.health().busy == 1 }
            await pool.shutdown()
            #expect(try await running?.code == .poolClosed)
            let later = try await postgresError { _ = try await pool.query("SELECT 1") }
            #expect(later?.code == .poolClosed)
            await pool.shutdown()
        }
    }

    @Test func `a pool that nobody holds any more closes its connections`() async throws {
        let url = try await TestPostgres.shared().makeDatabase()
        try await withPool(url: url) { observer in
            func forgotten() async throws -> Int {
                let row = try await observer.queryFirst(
                    "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'forgotten' AND datname = current_database()")
                return try #require(try row?.decode(Int.self, "n"))
            }
            func useAndForget() async throws {
                var configuration = PostgresConfiguration(url)
                configuration.applicationName = "forgotten"
                let pool = try PostgresPool(configuration, logger: silent)
                _ = try await pool.query("SELECT 1")
                #expect(try await forgotten() == 1)
            }
            try await useAndForget()
            try await eventually("its session has ended") { try await forgotten() == 0 }
        }
    }

    @Test func `a configuration out of range is refused by name`() throws {
        var configuration = PostgresConfiguration("host=/tmp")
        configuration.maximumConnections = 0
        let error = #expect(throws: PostgresError.self) { try PostgresPool(configuration, logger: silent) }
        #expect(error?.message.contains("maximumConnections is 0, expected 1 to 512") == true)
    }

    @Test func `the first host that allows writing is chosen`() async throws {
        let reader = try await TestPostgres.start()
        let writer = try await TestPostgres.start()
        let readerURL = try await reader.makeDatabase(named: "twin")
        _ = try await writer.makeDatabase(named: "twin")
        try await withPool(url: readerURL) {
            _ = try await $0.execute(PostgresQuery(unescaped: "ALTER DATABASE twin SET default_transaction_read_only = on", prepared: false))
        }
        let hosts = "host=/nonexistent,\(reader.socketDirectory),\(writer.socketDirectory)"
        try await withPool(url: "\(hosts) dbname=twin user=gantry target_session_attrs=read-write") { pool in
            #expect(try await pool.execute("CREATE TABLE here (a int)") == 0)
            let row = try await pool.queryFirst("SELECT current_setting('unix_socket_directories') AS directory")
            #expect(try row?.decode(String.self, "directory") == writer.socketDirectory)
        }
    }

    @Test func `a host name is resolved and a silent host costs only its share of the time`() async throws {
        // Nobody listens on port 1; the name still has to be resolved first.
        try await withPool(url: "postgresql://gantry@localhost:1/x", { $0.acquireTimeout = .milliseconds(500) }) { pool in
            let error = try await postgresError { _ = try await pool.query("SELECT 1") }
            #expect(error?.code == .connectionFailed)
            #expect(error?.description.contains("refused") == true)
        }
        // A socket that accepts and never answers.
        let server = try await TestPostgres.shared()
        let database = try await server.makeDatabase().split(separator: "/").last?.split(separator: "?").first.map(String.init)
        let silent = try SilentListener()
        let hosts = "host=127.0.0.1,\(server.socketDirectory) port=\(silent.port),5432"
        let url = "\(hosts) dbname=\(try #require(database)) user=gantry"
        try await withPool(url: url, { $0.connectTimeout = .seconds(4) }) { pool in
            let rows = try await pool.query("SELECT 1")
            #expect(rows.count == 1)
        }
    }
}
