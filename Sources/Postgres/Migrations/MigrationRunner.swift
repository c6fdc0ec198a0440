// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Brings a database to the schema that the program expects: forward only, each step once, whoever starts first.
public struct MigrationRunner: Sendable {
    private let migrations: [Migration]
    /// How long to wait for another runner, and for one statement: rewriting a large table takes its time.
    private static let patience = Duration.seconds(1_800)
    /// Names the lock among all advisory locks of the database: "gantry" in ASCII.
    private static let lock = 0x67_61_6e_74_72_79

    /// - Parameter migrations: All steps, numbered 1, 2, 3 … in order.
    public init(_ migrations: [Migration]) {
        for (index, migration) in migrations.enumerated() {
            precondition(
                migration.number == index + 1,
                "migration \(migration.name) has number \(migration.number), expected \(index + 1)"
            )
        }
        self.migrations = migrations
    }

    /// Runs the steps that are missing, each in a transaction of its own, under an advisory lock: runners that start together
    /// wait for one another.
    ///
    /// - Returns: The numbers of the steps that this call ran.
    /// - Throws: ``PostgresError`` with code `migration` when a step that was applied differs from the program's, when the database
    ///   is newer than the program, or, with the server's error as cause, when a step fails. What was applied before stays.
    @discardableResult
    public func run(on pool: PostgresPool) async throws -> [Int] {
        try await pool.withSession { session in
            let limit = String(Self.patience.wholeMilliseconds)
            _ = try await session.query("SELECT set_config('statement_timeout', \(limit), false)")
            _ = try await session.query("SELECT pg_advisory_lock(\(Self.lock))", timeout: Self.patience)
            let result: Result<[Int], any Error>
            do {
                result = .success(try await self.runLocked(session))
            } catch {
                result = .failure(error)
            }
            // The end of the session would release it too; this only spares the next runner the wait for that.
            _ = try? await session.query("SELECT pg_advisory_unlock(\(Self.lock))")
            return try result.get()
        }
    }

    private func runLocked(_ session: PostgresSession) async throws -> [Int] {
        try await session.execute(
            """
            CREATE TABLE IF NOT EXISTS schema_migration (
                number bigint PRIMARY KEY,
                name text NOT NULL,
                digest text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )
            """
        )
        let known = try await self.verify(session)
        var applied: [Int] = []
        for migration in self.migrations.dropFirst(known) {
            do {
                try await self.apply(migration, session)
            } catch let error as PostgresError {
                throw PostgresError(.migration, "migration \(migration.number) (\(migration.name)) failed", cause: error)
            }
            applied.append(migration.number)
        }
        return applied
    }

    /// Compares what was applied with the program's steps; returns how many are applied.
    private func verify(_ session: PostgresSession) async throws -> Int {
        let rows = try await session.query("SELECT number, name, digest FROM schema_migration ORDER BY number")
        for (index, row) in rows.enumerated() {
            let number: Int = try row["number"]
            let name: String = try row["name"]
            guard number == index + 1 else {
                throw PostgresError(.migration, "migration \(index + 1) is missing in the database, which has number \(number)")
            }
            guard self.migrations.indices.contains(index) else {
                throw PostgresError(
                    .migration,
                    "the database has migration \(number) (\(name)), this program knows only \(self.migrations.count): it is too old"
                )
            }
            let migration = self.migrations[index]
            let expected = try await Self.digest(migration, session)
            guard try row["digest"] == expected else {
                throw PostgresError(
                    .migration,
                    "migration \(number) was applied as \(name) with another text than this program's \(migration.name)"
                )
            }
        }
        return rows.count
    }

    private func apply(_ migration: Migration, _ session: PostgresSession) async throws {
        try await session.execute("BEGIN")
        do {
            for statement in migration.statements {
                try await session.execute(PostgresQuery(unescaped: statement, prepared: false), timeout: Self.patience)
            }
            let digest = try await Self.digest(migration, session)
            try await session.execute(
                "INSERT INTO schema_migration (number, name, digest) VALUES (\(migration.number), \(migration.name), \(digest))"
            )
            try await session.execute("COMMIT")
        } catch {
            // When even this fails the session ends, and the transaction with it.
            _ = try? await session.execute("ROLLBACK")
            throw error
        }
    }

    /// SHA-256 of the text, computed by the server: this module has no cryptography.
    private static func digest(_ migration: Migration, _ session: PostgresSession) async throws -> String {
        let rows = try await session.query("SELECT encode(sha256(convert_to(\(migration.text), 'UTF8')), 'hex') AS digest")
        guard let row = rows.first else { throw PostgresError(.migration, "the server computed no digest") }
        return try row["digest"]
    }
}
