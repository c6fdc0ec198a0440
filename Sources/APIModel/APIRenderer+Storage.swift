// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import JSON

extension APIRenderer {
    /// A disk of a machine.
    public func blockDevice(_ disk: BlockDevice, of machine: SystemID) -> JSONValue {
        [
            "system_id": .string(machine.description), "id": .int(disk.id), "name": .string(disk.name), "uuid": nil, "type": "physical",
            "path": .string("/dev/disk/by-dname/\(disk.name)"), "model": .string(disk.model), "serial": .string(disk.serial),
            "id_path": .string(disk.idPath), "size": .int(disk.sizeBytes), "block_size": .int(disk.blockSizeBytes),
            "available_size": .int(disk.sizeBytes), "used_size": 0, "used_for": "Unused",
            "tags": .array(disk.tags.map(JSONValue.string)), "filesystem": nil, "partition_table_type": nil, "partitions": [],
            "firmware_version": .string(disk.firmwareVersion), "storage_pool": nil, "numa_node": 0,
            "resource_uri": .string(APIPath.blockDevice(disk.id, of: machine)),
        ]
    }
}
