// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// One virtual machine with a virtual BMC.
public struct LabMachine: Sendable, Hashable {
    /// Lower-case letters, digits and dashes; at most 32.
    public var name: String
    public var firmware: LabFirmware
    /// An ephemeral boot holds the whole squashfs in memory: 1 GiB suffices for 150 MB of it, the default leaves room for larger ones.
    public var memoryMiB: Int
    public var cpus: Int
    /// The size of each disk.
    public var diskGiB: Int
    public var diskCount: Int
    public var macAddress: MACAddress
    /// Where its BMC listens, port 623, on the machine's own network.
    public var bmcAddress: IPv4Address

    public init(
        name: String, firmware: LabFirmware = .biosIPXE, memoryMiB: Int = 1536, cpus: Int = 2, diskGiB: Int = 6, diskCount: Int = 1,
        macAddress: MACAddress, bmcAddress: IPv4Address
    ) {
        self.name = name
        self.firmware = firmware
        self.memoryMiB = memoryMiB
        self.cpus = cpus
        self.diskGiB = diskGiB
        self.diskCount = diskCount
        self.macAddress = macAddress
        self.bmcAddress = bmcAddress
    }

    /// Machine `lab-N`, N from 1, with the BMC at 20 + N of the network.
    public static func numbered(_ number: Int, firmware: LabFirmware = .biosIPXE, in network: IPv4Network) -> LabMachine {
        LabMachine(
            name: "lab-\(number)", firmware: firmware,
            macAddress: MACAddress(rawValue: 0x5254_0099_0100 + UInt64(clamping: number)),
            bmcAddress: IPv4Address(rawValue: network.address.rawValue &+ 20 &+ UInt32(clamping: number)))
    }

    /// The machine's UUID in SMBIOS: the same at every start.
    var uuid: String {
        "00000000-0000-4000-8000-" + self.macAddress.description.filter { $0 != ":" }
    }
}
