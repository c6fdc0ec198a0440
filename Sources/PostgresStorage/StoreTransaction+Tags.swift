// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

extension StoreTransaction {
    private func tags(where condition: PostgresQuery) async throws -> [Tag] {
        try await self.rows("SELECT name, comment, definition, kernel_options FROM tag\(condition)").map {
            Tag(
                name: try $0["name"], comment: try $0["comment"], definition: try $0["definition"],
                kernelOptions: try $0["kernel_options"]
            )
        }
    }

    /// In order of their names.
    public func tags() async throws -> [Tag] {
        try await self.tags(where: " ORDER BY name COLLATE \"C\"")
    }

    /// The tag of this name.
    public func tag(named name: String) async throws -> Tag? {
        try await self.tags(where: " WHERE name = \(name)").first
    }

    /// Adds a tag.
    @discardableResult public func insert(_ tag: Tag) async throws -> Tag {
        try await self.execute(
            """
            INSERT INTO tag (name, comment, definition, kernel_options) \
            VALUES (\(tag.name), \(tag.comment), \(tag.definition), \(tag.kernelOptions))
            """
        )
        return tag
    }

    /// Changes the tag that has `currentName` now; its machines have it by its new name then.
    public func update(_ tag: Tag, named currentName: String) async throws {
        let id = try await self.lockTag(currentName)
        try await self.execute(
            """
            UPDATE tag SET name = \(tag.name), comment = \(tag.comment), definition = \(tag.definition), \
            kernel_options = \(tag.kernelOptions) WHERE id = \(id)
            """
        )
        if tag.name != currentName { try await self.raiseVersionsOfMachines(withTag: id) }
    }

    /// Deletes a tag; machines that had it have it no more.
    public func deleteTag(named name: String) async throws {
        let id = try await self.lockTag(name)
        try await self.raiseVersionsOfMachines(withTag: id)
        try await self.execute("DELETE FROM tag WHERE id = \(id)")
    }

    /// The ids of the machines that have a tag, in their order; none for a tag that does not exist.
    public func machineIDs(taggedWith tag: String) async throws -> [SystemID] {
        try await self.rows(
            "SELECT machine_id FROM machine_tag JOIN tag ON tag.id = tag_id WHERE tag.name = \(tag) ORDER BY machine_id"
        ).map { try $0["machine_id"] }
    }

    /// Gives a tag to machines and takes it from others. Machines that don't exist, and those that need no change, don't count.
    ///
    /// - Throws: ``StoreError`` `notFound` for an unknown tag.
    public func updateTag(_ name: String, adding: [SystemID], removing: [SystemID]) async throws -> (added: Int, removed: Int) {
        // Keeps the tag from being deleted, and lets others give it to machines meanwhile.
        guard let tag = try await self.row("SELECT id FROM tag WHERE name = \(name) FOR KEY SHARE") else {
            throw StoreError.notFound("tag '\(name)'")
        }
        let id: Int = try tag["id"]
        let (adding, removing) = (adding.map(\.description), removing.map(\.description))
        // Machines are locked in one order by all who lock several, and before their tags are looked at.
        _ = try await self.rows("SELECT id FROM machine WHERE id = ANY(\(adding + removing)) ORDER BY id FOR NO KEY UPDATE")
        let added = try await self.rows(
            """
            INSERT INTO machine_tag (machine_id, tag_id) SELECT id, \(id) FROM machine WHERE id = ANY(\(adding)) \
            ON CONFLICT DO NOTHING RETURNING machine_id
            """
        ).map { try $0.decode(String.self, "machine_id") }
        let removed = try await self.rows(
            "DELETE FROM machine_tag WHERE tag_id = \(id) AND machine_id = ANY(\(removing)) RETURNING machine_id"
        ).map { try $0.decode(String.self, "machine_id") }
        if !added.isEmpty || !removed.isEmpty { try await self.raiseVersions("id = ANY(\(added + removed))") }
        return (added.count, removed.count)
    }

    private func lockTag(_ name: String) async throws -> Int {
        guard let row = try await self.row("SELECT id FROM tag WHERE name = \(name) FOR UPDATE") else {
            throw StoreError.notFound("tag '\(name)'")
        }
        return try row["id"]
    }

    private func raiseVersionsOfMachines(withTag id: Int) async throws {
        try await self.raiseVersions("id IN (SELECT machine_id FROM machine_tag WHERE tag_id = \(id))")
    }
}
