// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
internal import JSON

/// Reads what the script `20-maas-03-machine-resources` printed: JSON in the shape of MAAS's host information.
///
/// A machine may post anything: sizes are bounded, unknown keys are left alone, and a missing detail is not an error. Only a
/// document without CPUs or memory is refused.
public enum InventoryReader {
    private static let maximumDevices = 512

    /// - Throws: `InventoryError` when the bytes are not such a document.
    public static func read(_ output: [UInt8]) throws(InventoryError) -> MachineInventory {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: output)
        } catch {
            throw InventoryError(error.description)
        }
        let resources = document["resources"] ?? document
        guard resources.objectValue != nil else { throw InventoryError("expected an object with 'cpu' and 'memory'") }
        let processors = self.processors(resources["cpu"])
        guard processors.count > 0 else { throw InventoryError("expected 'cpu' with at least one thread") }
        let memory = (resources["memory"]?["total"]?.intValue ?? 0) / 1_048_576
        guard memory > 0 else { throw InventoryError("expected 'memory.total' in bytes") }
        return MachineInventory(
            architecture: self.architecture(resources["cpu"]?["architecture"]?.stringValue),
            firmware: (resources["system"]?["firmware"]?["type"]?.stringValue ?? document["boot_method"]?.stringValue).flatMap {
                Firmware(rawValue: $0)
            },
            cpuCount: processors.count,
            cpuSpeed: processors.speed,
            memoryMiB: memory,
            hardware: self.hardware(resources["system"], cpuModel: processors.model),
            interfaces: self.interfaces(resources["network"]),
            blockDevices: self.blockDevices(resources["storage"])
        )
    }

    private static func architecture(_ machine: String?) -> String? {
        switch machine {
        case "x86_64", "amd64": "amd64/generic"
        case "aarch64", "arm64": "arm64/generic"
        default: nil
        }
    }

    private static func processors(_ cpu: JSONValue?) -> (count: Int, speed: Int, model: String) {
        let sockets = (cpu?["sockets"]?.arrayValue ?? []).prefix(self.maximumDevices)
        let threads = sockets.reduce(0) { sum, socket in
            sum + (socket["cores"]?.arrayValue ?? []).prefix(4096).reduce(0) { $0 + min($1["threads"]?.arrayValue?.count ?? 1, 64) }
        }
        let count = cpu?["total"]?.intValue.flatMap { (1...65536).contains($0) ? $0 : nil } ?? threads
        let speed = sockets.first.map { $0["frequency_turbo"]?.intValue ?? $0["frequency"]?.intValue ?? 0 } ?? 0
        return (count, min(max(speed, 0), 1_000_000), self.text(sockets.first?["name"]))
    }

    private static func text(_ value: JSONValue?) -> String {
        String((value?.stringValue ?? "").prefix(255))
    }

    private static func hardware(_ system: JSONValue?, cpuModel: String) -> HardwareInformation {
        let values: [(String, JSONValue?)] = [
            ("system_vendor", system?["vendor"]), ("system_product", system?["product"]), ("system_family", system?["family"]),
            ("system_version", system?["version"]), ("system_sku", system?["sku"]), ("system_serial", system?["serial"]),
            ("mainboard_vendor", system?["motherboard"]?["vendor"]), ("mainboard_product", system?["motherboard"]?["product"]),
            ("mainboard_serial", system?["motherboard"]?["serial"]), ("mainboard_version", system?["motherboard"]?["version"]),
            ("mainboard_firmware_vendor", system?["firmware"]?["vendor"]), ("mainboard_firmware_date", system?["firmware"]?["date"]),
            ("mainboard_firmware_version", system?["firmware"]?["version"]), ("chassis_vendor", system?["chassis"]?["vendor"]),
            ("chassis_type", system?["chassis"]?["type"]), ("chassis_serial", system?["chassis"]?["serial"]),
            ("chassis_version", system?["chassis"]?["version"]),
        ]
        var known: [String: String] = [:]
        for (key, value) in values where !self.text(value).isEmpty { known[key] = self.text(value) }
        if !cpuModel.isEmpty { known["cpu_model"] = cpuModel }
        let uuid = self.text(system?["uuid"])
        return HardwareInformation(values: known, uuid: uuid.isEmpty ? nil : uuid.lowercased())
    }

    private static func interfaces(_ network: JSONValue?) -> [NetworkInterface] {
        var found: [NetworkInterface] = []
        for card in (network?["cards"]?.arrayValue ?? []).prefix(self.maximumDevices) {
            for port in (card["ports"]?.arrayValue ?? []).prefix(64) {
                guard found.count < self.maximumDevices else { return found }
                guard let address = port["address"]?.stringValue.flatMap({ MACAddress($0) }), let name = port["id"]?.stringValue, !name.isEmpty,
                    !found.contains(where: { $0.macAddress == address })
                else { continue }
                var interface = NetworkInterface(id: 0, name: String(name.prefix(15)), macAddress: address)
                interface.vendor = self.text(card["vendor"])
                interface.product = self.text(card["product"])
                interface.firmwareVersion = self.text(card["firmware_version"])
                interface.linkConnected = port["link_detected"]?.boolValue ?? true
                interface.linkSpeed = self.speed(port["link_speed"])
                interface.interfaceSpeed = max(self.speed(port["supported_speed"]), interface.linkSpeed)
                found.append(interface)
            }
        }
        return found
    }

    private static func speed(_ value: JSONValue?) -> Int {
        min(max(value?.intValue ?? 0, 0), 10_000_000)
    }

    private static func blockDevices(_ storage: JSONValue?) -> [BlockDevice] {
        (storage?["disks"]?.arrayValue ?? []).prefix(self.maximumDevices).compactMap { disk in
            guard let name = disk["id"]?.stringValue, !name.isEmpty, let size = disk["size"]?.intValue, size > 0,
                disk["removable"]?.boolValue != true, disk["read_only"]?.boolValue != true, disk["type"]?.stringValue != "cdrom"
            else { return nil }
            let rotational = disk["rotational"]?.boolValue ?? ((disk["rpm"]?.intValue ?? 0) > 0)
            let path = self.text(disk["device_id"])
            return BlockDevice(
                id: 0, name: String(name.prefix(64)), model: self.text(disk["model"]), serial: self.text(disk["serial"]),
                idPath: path.isEmpty || path.hasPrefix("/") ? path : "/dev/disk/by-id/\(path)", sizeBytes: size,
                blockSizeBytes: min(max(disk["block_size"]?.intValue ?? 512, 512), 65536),
                firmwareVersion: self.text(disk["firmware_version"]), tags: [rotational ? "rotary" : "ssd"]
            )
        }
    }
}
