// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import JSON

extension APIRenderer {
    /// A boot resource: an operating system's release for an architecture.
    ///
    /// - Parameter withSets: with its versions and their files, as reading a single one gives.
    public static func bootResource(
        id: Int, osystem: String, release: String, architecture: String, subarchitecture: String, assets: [BootAsset], withSets: Bool
    ) -> JSONValue {
        let name = osystem.isEmpty ? release : "\(osystem)/\(release)"
        var object: JSONObject = [
            "id": .int(id), "type": "Synced", "name": .string(name), "architecture": .string("\(architecture)/\(subarchitecture)"),
            "subarches": .string(subarchitecture), "title": .string(name), "base_image": "", "last_deployed": nil,
            "resource_uri": .string(APIPath.bootResource(id)),
        ]
        if withSets { object["sets"] = Self.sets(assets) }
        return .object(object)
    }

    private static func sets(_ assets: [BootAsset]) -> JSONValue {
        let versions = Dictionary(grouping: assets, by: \.version).sorted { $0.key < $1.key }
        return .object(
            JSONObject(
                versions.map { version, files in
                    let size = files.reduce(0) { $0 &+ $1.sizeBytes }
                    let set: JSONValue = [
                        "version": .string(version), "label": .string(files.first?.label ?? ""), "size": .int(size),
                        "complete": .bool(files.allSatisfy(\.complete)),
                        "files": .object(JSONObject(files.sorted { $0.name < $1.name }.map { ($0.name, Self.file($0)) })),
                    ]
                    return (version, set)
                }
            )
        )
    }

    private static func file(_ asset: BootAsset) -> JSONValue {
        [
            "filename": .string(asset.name), "filetype": .string(asset.kind.rawValue), "sha256": .string(asset.sha256),
            "size": .int(asset.sizeBytes), "complete": .bool(asset.complete),
        ]
    }

    public static func bootSource(
        id: Int, url: String, keyringData: String, allowUnsigned: Bool, created: Timestamp, updated: Timestamp
    ) -> JSONValue {
        [
            "id": .int(id), "url": .string(url), "keyring_filename": "", "keyring_data": .string(keyringData),
            "skip_keyring_verification": .bool(allowUnsigned), "created": .string(created.isoText), "updated": .string(updated.isoText),
            "resource_uri": .string(APIPath.bootSource(id)),
        ]
    }
}
