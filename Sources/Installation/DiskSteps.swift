// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import JSON

/// The steps that make a storage shape, with references to what they make.
struct DiskSteps {
    let disk: BlockDevice
    let shape: StorageShape

    private var reference: JSONValue { .object(InstallationPlanner.reference(self.disk)) }

    /// File systems with their devices, the root first. A parent is mounted before what is below it.
    private var fileSystems: [(fileSystem: StorageShape.FileSystem, device: JSONValue)] {
        var found: [(fileSystem: StorageShape.FileSystem, device: JSONValue)] = []
        if let group = self.shape.group {
            found.append((group.fileSystem, ["group": .string(group.name), "volume": .string(group.volumeName)]))
        }
        for partition in self.shape.partitions {
            guard let fileSystem = partition.fileSystem else { continue }
            found.append((fileSystem, self.partition(partition.number)))
        }
        return found.sorted { $0.fileSystem.mountPoint.utf8.count < $1.fileSystem.mountPoint.utf8.count }
    }

    private func partition(_ number: Int) -> JSONValue {
        .object(InstallationPlanner.reference(self.disk).merging(["partition": .int(number)]))
    }

    /// Clearing, partitioning, volumes, file systems.
    var make: [JSONValue] {
        let name = self.disk.name
        var steps = [
            InstallationPlanner.step("wipe-\(name)", "wipe_signatures", "Clearing \(name)", ["disk": self.reference]),
            InstallationPlanner.step(
                "partition-\(name)", "partition_table", "Partitioning \(name)",
                ["disk": self.reference, "label": "gpt", "partitions": .array(self.shape.partitions.map(Self.partition))]
            ),
        ]
        if let group = self.shape.group {
            steps.append(
                InstallationPlanner.step(
                    "group", "lvm_group", "Making the volume group \(group.name)",
                    ["name": .string(group.name), "devices": [self.partition(group.partition)]]
                )
            )
            let size: JSONObject = group.isRest ? ["rest": true] : ["size_bytes": .int(group.volumeSizeBytes)]
            steps.append(
                InstallationPlanner.step(
                    "volume", "lvm_volume", "Making the volume \(group.volumeName)",
                    JSONObject([("group", .string(group.name)), ("name", .string(group.volumeName))]).merging(size)
                )
            )
        }
        for (fileSystem, device) in self.fileSystems {
            steps.append(
                InstallationPlanner.step(
                    "format-\(Self.name(of: fileSystem))", "format", "Formatting the file system of \(fileSystem.mountPoint)",
                    ["device": device, "fstype": .string(fileSystem.kind), "label": .string(fileSystem.label), "uuid": .string(fileSystem.uuid)]
                )
            )
        }
        return steps
    }

    private static func partition(_ partition: StorageShape.Partition) -> JSONValue {
        let size: JSONObject = partition.isRest ? ["rest": true] : ["size_bytes": .int(partition.sizeBytes)]
        let rest: JSONObject = [
            "type_guid": .string(partition.typeGUID), "name": .string(partition.name), "uuid": .string(partition.uuid),
        ]
        return .object(JSONObject([("number", .int(partition.number))]).merging(size).merging(rest))
    }

    private static func name(of fileSystem: StorageShape.FileSystem) -> String { fileSystem.label.lowercased() }

    /// What has to be mounted before the image is unpacked. vfat comes after it: it could not take the image's owners.
    var mountsForImage: [JSONValue] { self.mounts { $0.kind != "vfat" } }
    var mountsAfterImage: [JSONValue] { self.mounts { $0.kind == "vfat" } }

    private func mounts(_ isWanted: (StorageShape.FileSystem) -> Bool) -> [JSONValue] {
        self.fileSystems.filter { isWanted($0.fileSystem) }.map { fileSystem, device in
            InstallationPlanner.step(
                "mount-\(Self.name(of: fileSystem))", "mount", "Mounting \(fileSystem.mountPoint)",
                ["device": device, "path": .string(fileSystem.mountPoint)]
            )
        }
    }

    var fstab: JSONValue {
        let entries = self.fileSystems.map { fileSystem, device -> JSONValue in
            [
                "source": device, "path": .string(fileSystem.mountPoint), "fstype": .string(fileSystem.kind),
                "options": .string(fileSystem.mountOptions), "dump": 0, "pass": .int(fileSystem.mountPoint == "/" ? 1 : 2),
            ]
        }
        return InstallationPlanner.step("fstab", "fstab", "Writing fstab", ["entries": .array(entries)])
    }
}
