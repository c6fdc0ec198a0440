// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Installation
import JSON
import Testing

@Suite struct InstallationPlannerTests {
    private func request(_ change: (inout Machine) -> Void = { _ in }) throws -> InstallationRequest {
        let id = try #require(SystemID("abc346"))
        var machine = Machine(
            id: id, hostname: "web", architecture: "amd64/generic", powerType: .ipmi, created: Timestamp(microseconds: 0)
        )
        machine.generation = 7
        let address = try #require(MACAddress("52:54:00:00:00:01"))
        machine.interfaces = [NetworkInterface(id: 1, name: "ens3", macAddress: address)]
        machine.blockDevices = [Self.disk(1, "vda", serial: "S1"), Self.disk(2, "vdb", serial: "")]
        change(&machine)
        let image = BootAsset(
            osystem: "debian", release: "bookworm", architecture: "amd64", subarchitecture: "generic", kind: .rootTarball, name: "root.tar.zst",
            version: "1", label: "stable", sizeBytes: 1000, sha256: String(repeating: "a", count: 64), complete: true
        )
        return InstallationRequest(
            machine: machine, image: image, imageURL: "http://10.0.0.1:5248/images/a/root.tar.zst",
            metadataURL: "http://10.0.0.1:5248/MAAS/metadata/",
            credentials: APIToken(consumerKey: "c", tokenKey: "t", tokenSecret: "s", name: ""), subnets: []
        )
    }

    private static func disk(_ id: Int, _ name: String, serial: String, size: Int = 6 << 30) -> BlockDevice {
        BlockDevice(
            id: id, name: name, model: "", serial: serial, idPath: "", sizeBytes: size, blockSizeBytes: 512, firmwareVersion: "", tags: []
        )
    }

    private func kinds(_ plan: JSONValue) -> [String] {
        (plan["steps"]?.arrayValue ?? []).compactMap { $0["kind"]?.stringValue }
    }

    @Test func `a BIOS machine gets the flat layout in an order that can be executed`() throws {
        let plan = try InstallationPlanner.plan(try self.request())
        #expect(plan["version"] == 1)
        #expect(plan["generation"] == 7)
        #expect(
            self.kinds(plan) == [
                "wipe_signatures", "partition_table", "format", "format", "mount", "fetch_image", "mount", "fstab", "grub_bios", "grub_config",
                "write_file", "cloud_init_seed", "unmount_all", "netboot_off", "reboot",
            ]
        )
        let identities = (plan["steps"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
        #expect(Set(identities).count == identities.count)
    }

    @Test func `a UEFI machine gets GRUB for UEFI on the EFI system partition`() throws {
        let plan = try InstallationPlanner.plan(try self.request { $0.firmware = .uefi })
        #expect(self.kinds(plan).contains("grub_uefi"))
        #expect(!self.kinds(plan).contains("grub_bios"))
    }

    @Test func `the image is fetched with its size and digest`() throws {
        let plan = try InstallationPlanner.plan(try self.request())
        let fetch = try #require(plan["steps"]?.arrayValue?.first { $0["kind"] == "fetch_image" })
        #expect(fetch["sha256"]?.stringValue == String(repeating: "a", count: 64))
        #expect(fetch["size"] == 1000)
        #expect(fetch["url"] == "http://10.0.0.1:5248/images/a/root.tar.zst")
    }

    @Test func `the chosen disk is named by its serial number and no other disk is touched`() throws {
        let plan = try InstallationPlanner.plan(try self.request())
        #expect(plan.text.contains(#"{"serial":"S1"}"#))
        #expect(!plan.text.contains("vdb"))
        let other = try InstallationPlanner.plan(try self.request { $0.bootDiskID = 2 })
        #expect(other.text.contains(#"{"path":"/dev/vdb"}"#))
        #expect(!other.text.contains("S1"))
    }

    @Test func `the installed system knows its metadata service and asks DHCP on the interface it booted from`() throws {
        let plan = try InstallationPlanner.plan(try self.request())
        let files = plan["steps"]?.arrayValue?.first { $0["kind"] == "cloud_init_seed" }?["files"]?.arrayValue ?? []
        let contents = files.map { $0["content"]?.stringValue ?? "" }
        let lines = contents[0].split(separator: "\n")
        // ds-identify wants the list on a line of its own
        #expect(lines.first == "datasource_list: [MAAS]")
        let source = try JSONValue(parsing: String(lines[2].drop { $0 != "{" }))
        #expect(source["token_secret"] == "s")
        #expect(files[0]["mode"] == "0600")
        let interface = try JSONValue(parsing: contents[1])["network"]?["ethernets"]?["ens3"]
        #expect(interface?["match"]?["macaddress"] == "52:54:00:00:00:01")
        #expect(interface?["dhcp4"] == true)
    }

    @Test func `machines that nothing can be installed on are refused with the reason`() throws {
        let bare = try self.request { $0.blockDevices = [] }
        #expect(throws: InstallationError.self) { try InstallationPlanner.plan(bare) }
        let small = try self.request { $0.blockDevices = [Self.disk(1, "vda", serial: "S", size: 1 << 20)] }
        #expect(throws: InstallationError.self) { try InstallationPlanner.plan(small) }
    }

    @Test(arguments: [("full", "auto", true), ("quick", "quick", false), ("secure", "secure", true), ("secure_or_quick", "secure_or_quick", true)])
    func `every disk is erased and read back`(mode: String, wanted: String, full: Bool) throws {
        let plan = try InstallationPlanner.erasePlan(machine: try self.request().machine, mode: mode)
        let steps = plan["steps"]?.arrayValue ?? []
        #expect(self.kinds(plan) == ["erase_disk", "verify_erased", "poweroff"])
        for step in steps.prefix(2) { #expect(step["disks"] == [["serial": "S1"], ["path": "/dev/vdb"]]) }
        #expect(steps.first?["mode"] == .string(wanted))
        #expect(steps.dropFirst().first?["full"] == .bool(full))
    }

    @Test func `an unknown erase mode is refused`() throws {
        let machine = try self.request().machine
        #expect(throws: InstallationError.self) { try InstallationPlanner.erasePlan(machine: machine, mode: "shred") }
    }
}
