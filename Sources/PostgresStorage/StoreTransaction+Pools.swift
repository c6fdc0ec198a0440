// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

extension StoreTransaction {
    private static let poolColumns: PostgresQuery = "id, name, description"

    private func pools(where condition: PostgresQuery) async throws -> [ResourcePool] {
        try await self.rows("SELECT \(Self.poolColumns) FROM resource_pool\(condition)").map {
            ResourcePool(id: try $0["id"], name: try $0["name"], description: try $0["description"])
        }
    }

    /// In order of their ids, `default` first.
    public func pools() async throws -> [ResourcePool] {
        try await self.pools(where: " ORDER BY id")
    }

    /// The pool with this id.
    public func pool(id: Int) async throws -> ResourcePool? {
        try await self.pools(where: " WHERE id = \(id)").first
    }

    /// The pool of this name.
    public func pool(named name: String) async throws -> ResourcePool? {
        try await self.pools(where: " WHERE name = \(name)").first
    }

    /// Adds a pool.
    @discardableResult public func insert(_ pool: ResourcePool) async throws -> ResourcePool {
        let row = try await self.onlyRow(
            "INSERT INTO resource_pool (name, description) VALUES (\(pool.name), \(pool.description)) RETURNING \(Self.poolColumns)"
        )
        return ResourcePool(id: try row["id"], name: try row["name"], description: try row["description"])
    }

    /// A new name becomes the name of the pool in all its machines. The pool `default` keeps its name.
    public func update(_ pool: ResourcePool) async throws {
        guard let old = try await self.row("SELECT name FROM resource_pool WHERE id = \(pool.id) FOR NO KEY UPDATE") else {
            throw StoreError.notFound("pool \(pool.id)")
        }
        let isRenamed = try old.decode(String.self, "name") != pool.name
        if isRenamed && pool.id == Schema.defaultPoolID {
            throw StoreError.invalid(field: "name", message: "The default pool can't be renamed.")
        }
        try await self.execute("UPDATE resource_pool SET name = \(pool.name), description = \(pool.description) WHERE id = \(pool.id)")
        if isRenamed { try await self.raiseVersions("pool_id = \(pool.id)") }
    }

    /// Deletes a pool without machines.
    ///
    /// - Throws: ``StoreError`` refused for the default pool, and while machines are in the pool: rights hang on pools, so machines
    ///   don't change theirs in passing.
    public func deletePool(_ id: Int) async throws {
        guard id != Schema.defaultPoolID else { throw StoreError.refused("The default pool can't be deleted.") }
        try await self.lock("resource_pool", id: id, "pool \(id)")
        let count: Int = try await self.onlyRow("SELECT count(*) AS count FROM machine WHERE pool_id = \(id)")["count"]
        guard count == 0 else { throw StoreError.refused("The pool can't be deleted: \(count) machines are in it.") }
        try await self.execute("DELETE FROM resource_pool WHERE id = \(id)")
    }
}
