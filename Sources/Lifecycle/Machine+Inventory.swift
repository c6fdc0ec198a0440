// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

extension Machine {
    /// Takes over what commissioning found. Interfaces keep their ids by MAC address, disks by serial number or name, and
    /// what users set on them stays.
    public mutating func take(_ inventory: MachineInventory) {
        if let architecture = inventory.architecture { self.architecture = architecture }
        if let firmware = inventory.firmware { self.firmware = firmware }
        self.cpuCount = inventory.cpuCount
        self.cpuSpeed = inventory.cpuSpeed
        self.memoryMiB = inventory.memoryMiB
        self.hardware = inventory.hardware
        self.interfaces = inventory.interfaces.map { found in
            guard var known = self.interfaces.first(where: { $0.macAddress == found.macAddress }) else { return found }
            known.name = found.name
            known.vendor = found.vendor
            known.product = found.product
            known.firmwareVersion = found.firmwareVersion
            known.linkConnected = found.linkConnected
            known.linkSpeed = found.linkSpeed
            known.interfaceSpeed = found.interfaceSpeed
            return known
        }
        self.blockDevices = inventory.blockDevices.map { found in
            var disk = found
            let known = self.blockDevices.first { $0.serial.isEmpty ? $0.name == found.name : $0.serial == found.serial }
            disk.id = known?.id ?? 0
            return disk
        }
        if let id = self.bootInterfaceID, !self.interfaces.contains(where: { $0.id == id }) { self.bootInterfaceID = nil }
        if let id = self.bootDiskID, !self.blockDevices.contains(where: { $0.id == id }) { self.bootDiskID = nil }
    }
}

extension MachineInventory {
    /// One line for the timeline.
    public var summary: String {
        let disks = self.blockDevices.map { "\($0.name) \($0.sizeBytes / 1_000_000_000) GB" }.joined(separator: ", ")
        return "\(self.cpuCount) CPUs, \(self.memoryMiB) MiB memory, \(self.interfaces.count) interfaces, disks: \(disks.isEmpty ? "none" : disks)"
    }
}
