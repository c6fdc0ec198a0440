// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What commissioning found in a machine.
public struct MachineInventory: Sendable, Hashable, Codable {
    public var architecture: String?
    public var firmware: Firmware?
    public var cpuCount: Int
    /// MHz; 0 when unknown.
    public var cpuSpeed: Int
    public var memoryMiB: Int
    public var hardware: HardwareInformation
    /// Ids are 0: the store gives them.
    public var interfaces: [NetworkInterface]
    /// Ids are 0: the store gives them.
    public var blockDevices: [BlockDevice]

    public init(
        architecture: String?, firmware: Firmware?, cpuCount: Int, cpuSpeed: Int, memoryMiB: Int, hardware: HardwareInformation,
        interfaces: [NetworkInterface], blockDevices: [BlockDevice]
    ) {
        self.architecture = architecture
        self.firmware = firmware
        self.cpuCount = cpuCount
        self.cpuSpeed = cpuSpeed
        self.memoryMiB = memoryMiB
        self.hardware = hardware
        self.interfaces = interfaces
        self.blockDevices = blockDevices
    }
}
