// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Postgres

extension StoreTransaction {
    private func bootSources(where condition: PostgresQuery) async throws -> [BootSource] {
        try await self.rows("SELECT id, url, keyring, allow_unsigned, created, updated FROM boot_source\(condition)").map { row in
            var source = BootSource(
                id: try row["id"], url: try row["url"], keyring: try row["keyring"], allowUnsigned: try row["allow_unsigned"]
            )
            source.created = try row["created"]
            source.updated = try row["updated"]
            return source
        }
    }

    /// In order of their ids.
    public func bootSources() async throws -> [BootSource] {
        try await self.bootSources(where: " ORDER BY id")
    }

    /// The source with this id.
    public func bootSource(id: Int) async throws -> BootSource? {
        try await self.bootSources(where: " WHERE id = \(id)").first
    }

    /// Adds a source; its URL is not one of another source.
    @discardableResult public func insert(_ source: BootSource) async throws -> BootSource {
        var source = source
        let row = try await self.onlyRow(
            """
            INSERT INTO boot_source (url, keyring, allow_unsigned, created, updated) \
            VALUES (\(source.url), \(source.keyring), \(source.allowUnsigned), now(), now()) RETURNING id, created, updated
            """
        )
        source.id = try row["id"]
        source.created = try row["created"]
        source.updated = try row["updated"]
        return source
    }

    /// Changes a source; when it was made stays as it was.
    public func update(_ source: BootSource) async throws {
        try await self.executeOne(
            "boot source \(source.id)",
            """
            UPDATE boot_source SET url = \(source.url), keyring = \(source.keyring), allow_unsigned = \(source.allowUnsigned), \
            updated = now() WHERE id = \(source.id)
            """
        )
    }

    /// Deletes a source; the images that came from it stay.
    public func deleteBootSource(_ id: Int) async throws {
        try await self.executeOne("boot source \(id)", "DELETE FROM boot_source WHERE id = \(id)")
    }
}
