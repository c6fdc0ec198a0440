// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Inventory
import Testing

@Suite struct InventoryReaderTests {
    private static let sample = """
        {"resources": {
          "cpu": {"architecture": "x86_64", "total": 4, "sockets": [{"name": "QEMU Virtual CPU", "frequency": 2100, "cores": []}]},
          "memory": {"total": 2147483648},
          "system": {"uuid": "AABB", "vendor": "LabCo", "serial": "SN-1", "firmware": {"vendor": "SeaBIOS", "type": "bios"}},
          "network": {"cards": [{"vendor": "Red Hat", "ports": [
            {"id": "ens3", "address": "52:54:00:00:00:01", "link_detected": true, "link_speed": 1000},
            {"id": "twin", "address": "52:54:00:00:00:01"}, {"id": "odd", "address": "nonsense"}]}]},
          "storage": {"disks": [
            {"id": "vda", "size": 6442450944, "serial": "S1", "block_size": 512, "rotational": true},
            {"id": "sr0", "size": 1000, "type": "cdrom"}, {"id": "usb", "size": 1000, "removable": true}, {"id": "zero", "size": 0}]}
        }}
        """

    @Test func `a machine's report becomes its inventory`() throws {
        let inventory = try InventoryReader.read(Array(Self.sample.utf8))
        #expect(inventory.architecture == "amd64/generic")
        #expect(inventory.firmware == .bios)
        #expect(inventory.cpuCount == 4)
        #expect(inventory.cpuSpeed == 2100)
        #expect(inventory.memoryMiB == 2048)
        #expect(inventory.hardware.values["system_serial"] == "SN-1")
        #expect(inventory.hardware.values["cpu_model"] == "QEMU Virtual CPU")
        #expect(inventory.hardware.uuid == "aabb")
        #expect(inventory.interfaces.map(\.name) == ["ens3"])
        #expect(inventory.blockDevices.map(\.name) == ["vda"])
        #expect(inventory.blockDevices.first?.tags == ["rotary"])
    }

    @Test(arguments: [
        "", "[]", "{}", "null", #"{"cpu": {"total": 1}}"#, #"{"memory": {"total": 1048576}}"#, #"{"cpu": {"total": -4}, "memory": {"total": 1e300}}"#,
    ])
    func `nonsense is refused`(text: String) {
        #expect(throws: InventoryError.self) { try InventoryReader.read(Array(text.utf8)) }
    }

    @Test func `a report of more devices than machines have is cut short`() throws {
        let ports = (0..<3_000).map { number in
            let octets = [UInt8(number >> 8), UInt8(number & 255)].map { String(0x100 + Int($0), radix: 16).dropFirst() }
            return #"{"id": "eth", "address": "52:54:00:00:\#(octets[0]):\#(octets[1])"}"#
        }
        let cards = stride(from: 0, to: ports.count, by: 60).map { #"{"ports": [\#(ports[$0..<($0 + 60)].joined(separator: ","))]}"# }
        let text = #"{"cpu": {"total": 1}, "memory": {"total": 1048576}, "network": {"cards": [\#(cards.joined(separator: ","))]}}"#
        #expect(try InventoryReader.read(Array(text.utf8)).interfaces.count == 512)
    }

    @Test func `a report cut off at any byte is refused and traps nowhere`() {
        let bytes = Array(Self.sample.utf8)
        for count in bytes.indices { #expect(throws: InventoryError.self) { try InventoryReader.read(Array(bytes[..<count])) } }
    }
}
