// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Postgres

extension StoreTransaction {
    private static let spaceColumns: PostgresQuery = "id, name, description"

    private func spaces(where condition: PostgresQuery) async throws -> [Space] {
        try await self.rows("SELECT \(Self.spaceColumns) FROM space\(condition)").map {
            Space(id: try $0["id"], name: try $0["name"], description: try $0["description"])
        }
    }

    /// In order of their ids.
    public func spaces() async throws -> [Space] {
        try await self.spaces(where: " ORDER BY id")
    }

    /// The space with this id.
    public func space(id: Int) async throws -> Space? {
        try await self.spaces(where: " WHERE id = \(id)").first
    }

    /// The space of this name.
    public func space(named name: String) async throws -> Space? {
        try await self.spaces(where: " WHERE name = \(name)").first
    }

    /// Adds a space.
    @discardableResult public func insert(_ space: Space) async throws -> Space {
        let row = try await self.onlyRow(
            "INSERT INTO space (name, description) VALUES (\(space.name), \(space.description)) RETURNING \(Self.spaceColumns)"
        )
        return Space(id: try row["id"], name: try row["name"], description: try row["description"])
    }

    /// Changes a space; its VLANs have it by its new name then.
    public func update(_ space: Space) async throws {
        try await self.executeOne(
            "space \(space.id)",
            "UPDATE space SET name = \(space.name), description = \(space.description) WHERE id = \(space.id)"
        )
    }

    /// Deletes a space; its VLANs are in none then.
    public func deleteSpace(_ id: Int) async throws {
        try await self.executeOne("space \(id)", "DELETE FROM space WHERE id = \(id)")
    }
}
