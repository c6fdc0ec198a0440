// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import JSON
import Postgres

extension StoreTransaction {
    /// Nil when it was never set.
    public func setting(_ name: String) async throws -> JSONValue? {
        guard let row = try await self.row("SELECT value FROM setting WHERE name = \(name)") else { return nil }
        return try readJSON(try row["value"], column: "value")
    }

    /// What was set, by name.
    public func settings() async throws -> [String: JSONValue] {
        var settings: [String: JSONValue] = [:]
        for row in try await self.rows("SELECT name, value FROM setting") {
            settings[try row["name"]] = try readJSON(try row["value"], column: "value")
        }
        return settings
    }

    /// Keeps a value; objects in it come back with their keys in another order. Nil removes it.
    public func setSetting(_ name: String, _ value: JSONValue?) async throws {
        guard let value else {
            try await self.execute("DELETE FROM setting WHERE name = \(name)")
            return
        }
        try await self.execute(
            """
            INSERT INTO setting (name, value) VALUES (\(name), \(PostgresJSON(value.text))) \
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """
        )
    }
}
