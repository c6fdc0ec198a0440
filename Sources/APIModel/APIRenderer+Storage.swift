// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
internal import Installation
public import JSON

extension APIRenderer {
    /// A disk of a machine, with the partitions that its layout gives it.
    public func blockDevice(_ disk: BlockDevice, of machine: Machine) -> JSONValue {
        let shape = disk.id == machine.bootDisk?.id ? self.shape(of: machine) : nil
        let partitions = shape?.partitions ?? []
        let used = partitions.reduce(0) { $0 + $1.sizeBytes }
        return [
            "system_id": .string(machine.id.description), "id": .int(disk.id), "name": .string(disk.name), "uuid": nil, "type": "physical",
            "path": .string("/dev/disk/by-dname/\(disk.name)"), "model": .string(disk.model), "serial": .string(disk.serial),
            "id_path": .string(disk.idPath), "size": .int(disk.sizeBytes), "block_size": .int(disk.blockSizeBytes),
            "available_size": .int(disk.sizeBytes - used), "used_size": .int(used),
            "used_for": .string(partitions.isEmpty ? "Unused" : "GPT partitioned with \(partitions.count) partitions"),
            "tags": .array(disk.tags.map(JSONValue.string)), "filesystem": nil,
            "partition_table_type": partitions.isEmpty ? nil : "GPT",
            "partitions": .array(self.partitions(of: disk, machine)), "firmware_version": .string(disk.firmwareVersion), "storage_pool": nil,
            "numa_node": 0, "resource_uri": .string(APIPath.blockDevice(disk.id, of: machine.id)),
        ]
    }

    /// The partitions that a machine's layout gives a disk; none but on the boot disk.
    public func partitions(of disk: BlockDevice, _ machine: Machine) -> [JSONValue] {
        guard disk.id == machine.bootDisk?.id, let shape = self.shape(of: machine) else { return [] }
        return shape.partitions.map { self.partition($0, of: disk, machine, group: shape.group) }
    }

    /// Logical volumes, as block devices.
    public func virtualBlockDevices(of machine: Machine) -> [JSONValue] {
        guard let disk = machine.bootDisk, let group = self.shape(of: machine)?.group else { return [] }
        let name = "\(group.name)-\(group.volumeName)"
        let id = Self.volumeID(on: disk)
        return [
            [
                "system_id": .string(machine.id.description), "id": .int(id), "name": .string(name), "uuid": nil, "type": "virtual",
                "path": .string("/dev/disk/by-dname/\(name)"), "model": nil, "serial": nil, "id_path": nil,
                "size": .int(group.volumeSizeBytes), "block_size": 4096, "available_size": 0, "used_size": .int(group.volumeSizeBytes),
                "used_for": .string(Self.use(of: group.fileSystem)), "tags": [], "filesystem": Self.fileSystem(group.fileSystem),
                "partition_table_type": nil, "partitions": [], "firmware_version": nil, "storage_pool": nil, "numa_node": nil,
                "resource_uri": .string(APIPath.blockDevice(id, of: machine.id)),
            ]
        ]
    }

    /// The volume groups of a machine, with their volumes.
    public func volumeGroups(of machine: Machine) -> [JSONValue] {
        guard let disk = machine.bootDisk, let shape = self.shape(of: machine), let group = shape.group else { return [] }
        let free = group.sizeBytes - group.volumeSizeBytes
        let devices = shape.partitions.filter { $0.number == group.partition }
        return [
            [
                "id": .int(disk.id), "system_id": .string(machine.id.description), "uuid": nil, "name": .string(group.name),
                "devices": .array(devices.map { self.partition($0, of: disk, machine, group: group) }),
                "size": .int(group.sizeBytes), "human_size": .string(Self.human(group.sizeBytes)),
                "available_size": .int(free), "human_available_size": .string(Self.human(free)),
                "used_size": .int(group.volumeSizeBytes), "human_used_size": .string(Self.human(group.volumeSizeBytes)),
                "logical_volumes": .array(self.virtualBlockDevices(of: machine)),
                "resource_uri": .string(APIPath.volumeGroup(disk.id, of: machine.id)),
            ]
        ]
    }

    /// Nil without disks, and where the layout does not fit: such a machine shows bare disks.
    private func shape(of machine: Machine) -> StorageShape? {
        guard let disk = machine.bootDisk else { return nil }
        return try? StorageShape(self.layouts[machine.id] ?? self.defaultLayout, on: disk)
    }

    private func partition(
        _ partition: StorageShape.Partition, of disk: BlockDevice, _ machine: Machine, group: StorageShape.Group?
    ) -> JSONValue {
        let isMember = partition.number == group?.partition
        let use = partition.fileSystem.map(Self.use) ?? (isMember ? "LVM volume for \(group?.name ?? "")" : "Unused")
        let id = disk.id * 128 + partition.number
        return [
            "system_id": .string(machine.id.description), "device_id": .int(disk.id), "id": .int(id), "uuid": .string(partition.uuid),
            "path": .string("/dev/disk/by-dname/\(disk.name)-part\(partition.number)"), "type": "partition",
            "size": .int(partition.sizeBytes), "bootable": .bool(partition.name == "efi"),
            "filesystem": partition.fileSystem.map(Self.fileSystem) ?? .null, "used_for": .string(use), "tags": [],
            "resource_uri": .string("\(APIPath.blockDevice(disk.id, of: machine.id))partition/\(id)"),
        ]
    }

    private static func fileSystem(_ fileSystem: StorageShape.FileSystem) -> JSONValue {
        [
            "fstype": .string(fileSystem.kind == "vfat" ? "fat32" : fileSystem.kind), "label": .string(fileSystem.label),
            "uuid": .string(fileSystem.uuid), "mount_point": .string(fileSystem.mountPoint), "mount_options": .string(fileSystem.mountOptions),
        ]
    }

    private static func use(of fileSystem: StorageShape.FileSystem) -> String {
        "\(fileSystem.kind == "vfat" ? "fat32" : fileSystem.kind) formatted filesystem mounted at \(fileSystem.mountPoint)"
    }

    /// Volumes are block devices too: their ids are beyond those of any disk.
    private static func volumeID(on disk: BlockDevice) -> Int { disk.id | 1 << 40 }

    /// Such as `8.6 GB`: decimal units, one digit after the point.
    private static func human(_ bytes: Int) -> String {
        var tenths = bytes * 10
        for unit in ["bytes", "kB", "MB", "GB", "TB"] {
            if tenths < 10_000 || unit == "TB" { return unit == "bytes" ? "\(bytes) bytes" : "\(tenths / 10).\(tenths % 10) \(unit)" }
            tenths /= 1000
        }
        return "\(bytes) bytes"
    }
}
