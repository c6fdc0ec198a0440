// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import JSON
import Postgres

extension StoreTransaction {
    /// In order of operating system, release, architecture, version and kind.
    public func bootAssets() async throws -> [BootAsset] {
        try await self.bootResources().flatMap(\.assets)
    }

    /// In order of operating system, release and architecture; with the files in order of version, kind and name.
    public func bootResources() async throws -> [BootResource] {
        try await self.bootResources(where: "")
    }

    /// The image with this id.
    public func bootResource(id: Int) async throws -> BootResource? {
        try await self.bootResources(where: " WHERE boot_resource.id = \(id)").first
    }

    private func bootResources(where condition: PostgresQuery) async throws -> [BootResource] {
        let rows = try await self.rows(
            """
            SELECT boot_resource.id, osystem, release, architecture, subarchitecture, kind, name, version, label, size_bytes, sha256, \
            complete FROM boot_resource LEFT JOIN boot_asset ON resource_id = boot_resource.id\(condition) \
            ORDER BY osystem, release, architecture, subarchitecture, boot_resource.id, version, kind, name, label
            """
        )
        var resources: [BootResource] = []
        for row in rows {
            let id: Int = try row["id"]
            if resources.last?.id != id {
                resources.append(
                    BootResource(
                        id: id, osystem: try row["osystem"], release: try row["release"], architecture: try row["architecture"],
                        subarchitecture: try row["subarchitecture"], assets: []
                    )
                )
            }
            guard let kind: BootAsset.Kind = try row["kind"], var resource = resources.popLast() else { continue }
            resource.assets.append(
                BootAsset(
                    osystem: resource.osystem, release: resource.release, architecture: resource.architecture,
                    subarchitecture: resource.subarchitecture, kind: kind, name: try row["name"], version: try row["version"],
                    label: try row["label"], sizeBytes: try row["size_bytes"], sha256: try row["sha256"], complete: try row["complete"]
                )
            )
            resources.append(resource)
        }
        return resources
    }

    /// Adds files, or gives those that are known (by image, kind, name, version and label) their size, digest and completeness.
    public func upsert(_ assets: [BootAsset]) async throws {
        let records = Self.records(assets)
        guard !records.isEmpty else { return }
        try await self.execute(
            """
            INSERT INTO boot_resource (osystem, release, architecture, subarchitecture) \
            SELECT DISTINCT osystem, release, architecture, subarchitecture FROM \(Self.assetRecordset(records)) \
            ON CONFLICT DO NOTHING
            """
        )
        try await self.execute(
            """
            INSERT INTO boot_asset (resource_id, kind, name, version, label, size_bytes, sha256, complete) \
            SELECT boot_resource.id, kind, name, version, label, size_bytes, sha256, complete FROM \(Self.assetRecordset(records)) \
            JOIN boot_resource USING (osystem, release, architecture, subarchitecture) \
            ON CONFLICT (resource_id, kind, name, version, label) DO UPDATE \
            SET size_bytes = excluded.size_bytes, sha256 = excluded.sha256, complete = excluded.complete
            """
        )
    }

    /// Notes of every file with this content whether the region has it.
    public func setAssetComplete(sha256: String, _ complete: Bool = true) async throws {
        try await self.execute("UPDATE boot_asset SET complete = \(complete) WHERE sha256 = \(sha256) AND complete <> \(complete)")
    }

    /// Forgets files, and images of which none are left.
    public func delete(_ assets: [BootAsset]) async throws {
        let records = Self.records(assets)
        guard !records.isEmpty else { return }
        try await self.execute(
            """
            DELETE FROM boot_asset USING boot_resource, \(Self.assetRecordset(records)) \
            WHERE boot_asset.resource_id = boot_resource.id AND boot_resource.osystem = new.osystem \
            AND boot_resource.release = new.release AND boot_resource.architecture = new.architecture \
            AND boot_resource.subarchitecture = new.subarchitecture AND boot_asset.kind = new.kind AND boot_asset.name = new.name \
            AND boot_asset.version = new.version AND boot_asset.label = new.label
            """
        )
        try await self.execute(
            "DELETE FROM boot_resource WHERE NOT EXISTS (SELECT FROM boot_asset WHERE resource_id = boot_resource.id)"
        )
    }

    /// Forgets an image with all its files.
    public func deleteBootResource(_ id: Int) async throws {
        try await self.executeOne("image \(id)", "DELETE FROM boot_resource WHERE id = \(id)")
    }

    private static func assetRecordset(_ records: Records) -> PostgresQuery {
        """
        jsonb_to_recordset(\(records.json)) AS new (osystem text, release text, architecture text, subarchitecture text, kind text, \
        name text, version text, label text, size_bytes bigint, sha256 text, complete boolean)
        """
    }

    /// Each file once: a statement may touch a row only once.
    private static func records(_ assets: [BootAsset]) -> Records {
        var records = Records()
        var known: Set<[String]> = []
        for asset in assets.reversed() {
            let key = [
                asset.osystem, asset.release, asset.architecture, asset.subarchitecture, asset.kind.rawValue, asset.name, asset.version,
                asset.label,
            ]
            guard known.insert(key).inserted else { continue }
            records.append([
                "osystem": .text(asset.osystem), "release": .text(asset.release), "architecture": .text(asset.architecture),
                "subarchitecture": .text(asset.subarchitecture), "kind": .string(asset.kind.rawValue), "name": .text(asset.name),
                "version": .text(asset.version), "label": .text(asset.label), "size_bytes": .int(asset.sizeBytes),
                "sha256": .text(asset.sha256), "complete": .bool(asset.complete),
            ])
        }
        return records
    }
}
