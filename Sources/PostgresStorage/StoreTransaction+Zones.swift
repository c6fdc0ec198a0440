// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

extension StoreTransaction {
    private static let zoneColumns: PostgresQuery = "id, name, description"

    private func zones(where condition: PostgresQuery) async throws -> [Zone] {
        try await self.rows("SELECT \(Self.zoneColumns) FROM zone\(condition)").map {
            Zone(id: try $0["id"], name: try $0["name"], description: try $0["description"])
        }
    }

    /// In order of their ids, `default` first.
    public func zones() async throws -> [Zone] {
        try await self.zones(where: " ORDER BY id")
    }

    /// The zone with this id.
    public func zone(id: Int) async throws -> Zone? {
        try await self.zones(where: " WHERE id = \(id)").first
    }

    /// The zone of this name.
    public func zone(named name: String) async throws -> Zone? {
        try await self.zones(where: " WHERE name = \(name)").first
    }

    /// Adds a zone.
    @discardableResult public func insert(_ zone: Zone) async throws -> Zone {
        let row = try await self.onlyRow(
            "INSERT INTO zone (name, description) VALUES (\(zone.name), \(zone.description)) RETURNING \(Self.zoneColumns)"
        )
        return Zone(id: try row["id"], name: try row["name"], description: try row["description"])
    }

    /// A new name becomes the name of the zone in all its machines. The zone `default` keeps its name.
    public func update(_ zone: Zone) async throws {
        guard let old = try await self.row("SELECT name FROM zone WHERE id = \(zone.id) FOR NO KEY UPDATE") else {
            throw StoreError.notFound("zone \(zone.id)")
        }
        let isRenamed = try old.decode(String.self, "name") != zone.name
        if isRenamed && zone.id == Schema.defaultZoneID {
            throw StoreError.invalid(field: "name", message: "The default zone can't be renamed.")
        }
        try await self.execute("UPDATE zone SET name = \(zone.name), description = \(zone.description) WHERE id = \(zone.id)")
        if isRenamed { try await self.raiseVersions("zone_id = \(zone.id)") }
    }

    /// Deletes a zone; its machines are in the zone `default` then.
    ///
    /// - Throws: ``StoreError`` refused for the default zone itself.
    public func deleteZone(_ id: Int) async throws {
        guard id != Schema.defaultZoneID else { throw StoreError.refused("The default zone can't be deleted.") }
        try await self.lock("zone", id: id, "zone \(id)")
        try await self.execute(
            """
            UPDATE machine SET zone_id = \(Schema.defaultZoneID), version = version + 1, updated = clock_timestamp() \
            WHERE zone_id = \(id)
            """
        )
        try await self.execute("DELETE FROM zone WHERE id = \(id)")
    }
}
