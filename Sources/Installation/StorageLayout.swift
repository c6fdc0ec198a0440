// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import JSON

/// How the boot disk of a machine is to be laid out: the choice, as MAAS's `set_storage_layout` takes it. `StorageShape` is what comes of it.
public struct StorageLayout: Sendable, Hashable {
    public enum Kind: String, Sendable, CaseIterable {
        /// The root file system on a partition.
        case flat
        /// The root file system on a logical volume.
        case lvm
        /// Nothing: such a machine can't be deployed.
        case blank
    }

    public var kind: Kind
    /// The size of a partition for /boot; nil for none: then it is a part of the root.
    public var bootSizeBytes: Int?
    /// The size of the root's partition, or of the volume group's; nil for the rest of the disk.
    public var rootSizeBytes: Int?
    public var groupName: String
    public var volumeName: String
    /// The size of the root's volume; nil for the whole group.
    public var volumeSizeBytes: Int?

    public init(
        _ kind: Kind = .flat, bootSizeBytes: Int? = nil, rootSizeBytes: Int? = nil, groupName: String = "vgroot",
        volumeName: String = "lvroot", volumeSizeBytes: Int? = nil
    ) {
        self.kind = kind
        self.bootSizeBytes = bootSizeBytes
        self.rootSizeBytes = rootSizeBytes
        self.groupName = groupName
        self.volumeName = volumeName
        self.volumeSizeBytes = volumeSizeBytes
    }

    /// What `json` wrote; nil when it is something else.
    public init?(json: JSONValue) {
        guard let kind = json["kind"]?.stringValue.flatMap(Kind.init(rawValue:)) else { return nil }
        self.init(
            kind, bootSizeBytes: json["boot_size"]?.intValue, rootSizeBytes: json["root_size"]?.intValue,
            groupName: json["vg_name"]?.stringValue ?? "vgroot", volumeName: json["lv_name"]?.stringValue ?? "lvroot",
            volumeSizeBytes: json["lv_size"]?.intValue
        )
    }

    /// The form that is stored.
    public var json: JSONValue {
        [
            "kind": .string(self.kind.rawValue), "boot_size": .optional(self.bootSizeBytes), "root_size": .optional(self.rootSizeBytes),
            "vg_name": .string(self.groupName), "lv_name": .string(self.volumeName), "lv_size": .optional(self.volumeSizeBytes),
        ]
    }
}
