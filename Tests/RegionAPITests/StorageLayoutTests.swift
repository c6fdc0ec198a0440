// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import HTTPClient
import JSON
import PostgresStorage
import Testing

@Suite(.timeLimit(.minutes(5))) struct StorageLayoutTests {
    private static func addMachine(_ region: TestRegion, status: NodeStatus = .ready) async throws -> SystemID {
        let created = try await region.json(
            "POST", "machines/",
            [
                ("architecture", "amd64/generic"), ("mac_addresses", "52:54:00:00:00:09"), ("power_type", "manual"), ("commission", "false"),
            ]
        )
        let id = try #require(created["system_id"]?.stringValue.flatMap { SystemID($0) })
        try await region.store.transaction { transaction in
            guard var machine = try await transaction.lockMachine(id) else { return }
            machine.status = status
            machine.blockDevices = ["vda", "vdb"].map {
                BlockDevice(
                    id: 0, name: $0, model: "", serial: "serial-\($0)", idPath: "", sizeBytes: 6 << 30, blockSizeBytes: 512, firmwareVersion: "",
                    tags: []
                )
            }
            try await transaction.update(machine)
        }
        return id
    }

    @Test func `a machine shows the volumes of its layout before they are made`() async throws {
        try await TestRegion.run { region in
            let id = try await Self.addMachine(region)
            let flat = try await region.json("GET", "machines/\(id)/")
            #expect(flat["volume_groups"] == [])
            #expect(flat["boot_disk"]?["partitions"]?.arrayValue?.count == 3)
            let fields = [("storage_layout", "lvm"), ("boot_size", "1G"), ("vg_name", "vg0"), ("lv_size", "50%"), ("root_device", "vdb")]
            let machine = try await region.json("POST", "machines/\(id)/?op=set_storage_layout", fields)
            #expect(machine == (try await region.json("GET", "machines/\(id)/")))
            let disk = try #require(machine["boot_disk"])
            #expect(disk["name"] == "vdb")
            #expect(disk["partition_table_type"] == "GPT")
            let partitions = try #require(disk["partitions"]?.arrayValue)
            #expect(
                partitions.map { $0["used_for"]?.stringValue } == [
                    "Unused", "fat32 formatted filesystem mounted at /boot/efi", "ext4 formatted filesystem mounted at /boot", "LVM volume for vg0",
                ]
            )
            let group = try #require(machine["volume_groups"]?.arrayValue?.first)
            #expect(group["name"] == "vg0")
            #expect(group["devices"]?.arrayValue?.first?["id"] == partitions.last?["id"])
            let volume = try #require(machine["virtualblockdevice_set"]?.arrayValue?.first)
            #expect(group["logical_volumes"] == [volume])
            #expect(volume["name"] == "vg0-lvroot")
            #expect(volume["size"] == 3_221_225_472)
            #expect(volume["filesystem"]?["mount_point"] == "/")
            #expect(machine["blockdevice_set"]?.arrayValue?.count == 3)
            MachineShapeTests.check(volume, MachineShapeTests.disk.filter { volume[$0.key] != .null }, "volume")
            for uri in [group["resource_uri"], volume["resource_uri"]] {
                let path = try #require(uri?.stringValue).dropFirst("/MAAS/api/2.0/".count)
                #expect(try await region.json("GET", String(path))["id"] != nil)
            }
            #expect(try await region.json("GET", "nodes/\(id)/volume-groups/").arrayValue == [group])
            let disks = try await region.json("GET", "nodes/\(id)/blockdevices/\(disk["id"]?.intValue ?? 0)/partitions/")
            #expect(disks.arrayValue == partitions)
        }
    }

    @Test func `a layout that can't be is refused with the field, and what was chosen stays`() async throws {
        try await TestRegion.run { region in
            let id = try await Self.addMachine(region)
            _ = try await region.json("POST", "machines/\(id)/?op=set_storage_layout", [("storage_layout", "lvm")])
            for (fields, field) in [
                ([], "storage_layout"), ([("storage_layout", "zfs")], "storage_layout"),
                ([("storage_layout", "lvm"), ("boot_size", "much")], "boot_size"), ([("storage_layout", "lvm"), ("boot_size", "1k")], "boot_size"),
                ([("storage_layout", "lvm"), ("lv_size", "10G")], "lv_size"), ([("storage_layout", "lvm"), ("lv_size", "-1")], "lv_size"),
                ([("storage_layout", "lvm"), ("vg_name", "../x")], "vg_name"), ([("storage_layout", "lvm"), ("lv_name", "-f")], "lv_name"),
                ([("storage_layout", "flat"), ("root_device", "sdz")], "root_device"),
                ([("storage_layout", "flat"), ("cache_device", "1")], "cache_device"),
            ] as [([(String, String)], String)] {
                let answer = try await region.api("POST", "machines/\(id)/?op=set_storage_layout", fields)
                #expect(answer.status == 400, "\(fields)")
                #expect(answer.text.contains(field), "\(answer.text)")
            }
            #expect(try await region.json("GET", "machines/\(id)/")["volume_groups"]?.arrayValue?.count == 1)
        }
    }

    @Test func `only a machine that is Ready or Allocated changes its layout, and a blank one is not deployed`() async throws {
        try await TestRegion.run { region in
            let id = try await Self.addMachine(region, status: .deployed)
            let fields = [("storage_layout", "blank")]
            #expect(try await region.api("POST", "machines/\(id)/?op=set_storage_layout", fields).status == 409)
            try await region.store.transaction { transaction in
                guard var machine = try await transaction.lockMachine(id) else { return }
                machine.status = .ready
                try await transaction.update(machine)
            }
            let blank = try await region.json("POST", "machines/\(id)/?op=set_storage_layout", fields)
            #expect(blank["boot_disk"]?["partitions"] == [])
            let refused = try await region.api("POST", "machines/\(id)/?op=deploy")
            #expect(refused.status == 400)
            #expect(refused.text.contains("Mount the root '/' filesystem"))
            // Commissioning goes back to the setting, unless storage is to be kept.
            for (value, count) in [("true", 0), ("false", 3)] {
                _ = try await region.json("POST", "machines/\(id)/?op=commission", [("skip_storage", value)])
                let machine = try await region.json("POST", "machines/\(id)/?op=abort")
                #expect(machine["boot_disk"]?["partitions"]?.arrayValue?.count == count)
            }
        }
    }
}
