// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Installation
import JSON
import Testing

@Suite struct StorageShapeTests {
    private static func disk(_ size: Int = 6 << 30, id: Int = 5) -> BlockDevice {
        BlockDevice(
            id: id, name: "vda", model: "", serial: "S1", idPath: "", sizeBytes: size, blockSizeBytes: 512, firmwareVersion: "", tags: []
        )
    }

    private func steps(_ layout: StorageLayout, _ firmware: Firmware) throws -> [JSONValue] {
        let id = try #require(SystemID("abc346"))
        var machine = Machine(
            id: id, hostname: "web", architecture: "amd64/generic", powerType: .ipmi, created: Timestamp(microseconds: 0)
        )
        machine.generation = 7
        machine.firmware = firmware
        machine.blockDevices = [Self.disk()]
        let image = BootAsset(
            osystem: "debian", release: "bookworm", architecture: "amd64", subarchitecture: "generic", kind: .rootTarball, name: "root.tar.zst",
            version: "1", label: "stable", sizeBytes: 1000, sha256: String(repeating: "a", count: 64), complete: true
        )
        let plan = try InstallationPlanner.plan(
            InstallationRequest(
                machine: machine, image: image, imageURL: "http://10.0.0.1/root.tar.zst", metadataURL: "http://10.0.0.1/MAAS/metadata/",
                credentials: APIToken(consumerKey: "c", tokenKey: "t", tokenSecret: "s", name: ""), subnets: [], layout: layout
            )
        )
        return plan["steps"]?.arrayValue ?? []
    }

    @Test(arguments: [Firmware.bios, .uefi])
    func `the LVM layout makes the group and the volume before their file system`(firmware: Firmware) throws {
        let steps = try self.steps(StorageLayout(.lvm), firmware)
        #expect(
            steps.prefix(7).map { $0["kind"]?.stringValue } == [
                "wipe_signatures", "partition_table", "lvm_group", "lvm_volume", "format", "format", "mount",
            ]
        )
        #expect(steps[2]["devices"] == [["serial": "S1", "partition": 3]])
        #expect(steps[3]["rest"] == true)
        let root: JSONValue = ["group": "vgroot", "volume": "lvroot"]
        #expect(steps[4]["device"] == root)
        #expect(steps[6]["device"] == root)
        #expect(steps[6]["path"] == "/")
        let fstab = try #require(steps.first { $0["kind"] == "fstab" }?["entries"]?.arrayValue)
        #expect(fstab.map { $0["path"]?.stringValue } == ["/", "/boot/efi"])
        #expect(fstab.first?["source"] == root)
        #expect(steps.contains { $0["kind"] == (firmware == .uefi ? "grub_uefi" : "grub_bios") })
        let ids = steps.compactMap { $0["id"]?.stringValue }
        #expect(Set(ids).count == ids.count)
    }

    @Test func `a boot partition is mounted after the root and before the image is unpacked`() throws {
        let layout = StorageLayout(
            .lvm, bootSizeBytes: 1 << 30, groupName: "vg", volumeName: "lv", volumeSizeBytes: 2 << 30
        )
        let steps = try self.steps(layout, .uefi)
        let order = steps.compactMap { $0["kind"] == "mount" ? $0["path"]?.stringValue : $0["kind"] == "fetch_image" ? "image" : nil }
        #expect(order == ["/", "/boot", "image", "/boot/efi"])
        #expect(steps.first { $0["kind"] == "lvm_volume" }?["size_bytes"] == 2_147_483_648)
        #expect(steps.first { $0["kind"] == "lvm_group" }?["devices"] == [["serial": "S1", "partition": 4]])
    }

    @Test func `the blank layout can't be installed`() throws {
        #expect(throws: InstallationError.self) { try self.steps(StorageLayout(.blank), .bios) }
        #expect(try StorageShape(StorageLayout(.blank), on: Self.disk()).partitions.isEmpty)
    }

    @Test(arguments: [
        StorageLayout(), StorageLayout(.lvm), StorageLayout(.flat, bootSizeBytes: 600_000_001),
        StorageLayout(.lvm, bootSizeBytes: 512 << 20, rootSizeBytes: 3 << 30, volumeSizeBytes: 2_000_000_001),
    ])
    func `sizes fit the disk, and volumes their group`(layout: StorageLayout) throws {
        for size in [3 << 30, 6 << 30, 480_103_981_056, 6 << 30 | 512] where layout.bootSizeBytes == nil || size > 5 << 30 {
            let shape = try StorageShape(layout, on: Self.disk(size))
            #expect(shape.partitions.reduce(2 << 20) { $0 + $1.sizeBytes } <= size)
            #expect(shape.partitions.allSatisfy { $0.sizeBytes % (1 << 20) == 0 && $0.sizeBytes > 0 })
            guard let group = shape.group else { continue }
            #expect(group.sizeBytes < shape.partitions[group.partition - 1].sizeBytes)
            #expect(group.volumeSizeBytes <= group.sizeBytes && group.volumeSizeBytes % (4 << 20) == 0)
        }
    }

    @Test(arguments: [
        (StorageLayout(), 1 << 30), (StorageLayout(), 0), (StorageLayout(), -5), (StorageLayout(.flat, bootSizeBytes: 1), 6 << 30),
        (StorageLayout(.flat, rootSizeBytes: 6 << 30), 6 << 30), (StorageLayout(.flat, rootSizeBytes: Int.max), 6 << 30),
        (StorageLayout(.flat, bootSizeBytes: Int.max), 6 << 30), (StorageLayout(.lvm, volumeSizeBytes: 6 << 30), 6 << 30),
        (StorageLayout(.lvm, volumeSizeBytes: 1 << 20), 6 << 30),
    ])
    func `what does not fit is refused with its size`(layout: StorageLayout, size: Int) {
        let error = #expect(throws: InstallationError.self) { try StorageShape(layout, on: Self.disk(size)) }
        #expect(error?.description.contains("expected") == true)
    }

    @Test func `partitions and file systems are known before they are made, and on every disk by other names`() throws {
        let one = try StorageShape(StorageLayout(), on: Self.disk(id: 5))
        let other = try StorageShape(StorageLayout(), on: Self.disk(id: 6))
        func names(_ shape: StorageShape) -> [String] { shape.partitions.map(\.uuid) + shape.partitions.compactMap(\.fileSystem?.uuid) }
        #expect(Set(names(one) + names(other)).count == 10)
        #expect(names(one).allSatisfy { [9, 36].contains($0.utf8.count) })
        #expect(try self.steps(StorageLayout(), .bios).first { $0["kind"] == "format" }?["uuid"]?.stringValue == one.partitions[2].fileSystem?.uuid)
    }

    @Test func `a layout is stored and read back, and nothing else is taken for one`() {
        for layout in [StorageLayout(), StorageLayout(.lvm, bootSizeBytes: 1, rootSizeBytes: 2, groupName: "a", volumeName: "b", volumeSizeBytes: 3)]
        {
            #expect(StorageLayout(json: layout.json) == layout)
        }
        #expect(StorageLayout(json: ["kind": "zfs"]) == nil)
        #expect(StorageLayout(json: nil) == nil)
    }
}
