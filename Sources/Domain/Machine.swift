// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A machine: what it is, who has it, and what is being done with it.
public struct Machine: Sendable, Hashable {
    public var id: SystemID
    public var hostname: String
    public var description: String
    public var status: NodeStatus
    /// The state that the machine goes back to when the operation is aborted.
    public var previousStatus: NodeStatus
    /// The last progress message, for `status_message`.
    public var statusMessage: String
    /// Why the last operation failed; empty when it did not.
    public var errorDescription: String
    /// The user name.
    public var owner: String?
    public var agentName: String
    public var ownerData: [String: String]
    /// Such as `amd64/generic`.
    public var architecture: String
    /// How the machine boots; nil until it was seen to boot.
    public var firmware: Firmware?
    /// The zone's name.
    public var zone: String
    /// The pool's name.
    public var pool: String
    public var tags: [String]
    public var cpuCount: Int
    /// MHz; 0 when unknown.
    public var cpuSpeed: Int
    public var memoryMiB: Int
    /// Bytes; nil lets the OS choose.
    public var swapSizeBytes: Int?
    public var hardware: HardwareInformation
    public var powerType: PowerType
    public var powerState: PowerState
    public var powerStateUpdated: Timestamp?
    public var osystem: String
    public var distroSeries: String
    public var minHWEKernel: String
    /// Whether the next network boot is to be the ephemeral OS while the machine is being deployed.
    public var netboot: Bool
    public var locked: Bool
    public var interfaces: [NetworkInterface]
    public var blockDevices: [BlockDevice]
    public var bootInterfaceID: Int?
    public var bootDiskID: Int?
    public var operation: MachineOperation?
    /// The generation that the next operation gets is one more than this.
    public var generation: Int
    public var commissioningResultID: Int?
    public var testingResultID: Int?
    public var installationResultID: Int?
    /// When the machine's own software was last heard of.
    public var lastContact: Timestamp?
    public var created: Timestamp
    public var updated: Timestamp
    /// The store's count of changes: a write with an older one is refused.
    public var version: Int

    public init(id: SystemID, hostname: String, architecture: String, powerType: PowerType, created: Timestamp) {
        self.id = id
        self.hostname = hostname
        self.description = ""
        self.status = .new
        self.previousStatus = .new
        self.statusMessage = ""
        self.errorDescription = ""
        self.owner = nil
        self.agentName = ""
        self.ownerData = [:]
        self.architecture = architecture
        self.firmware = nil
        self.zone = "default"
        self.pool = "default"
        self.tags = []
        self.cpuCount = 0
        self.cpuSpeed = 0
        self.memoryMiB = 0
        self.swapSizeBytes = nil
        self.hardware = HardwareInformation()
        self.powerType = powerType
        self.powerState = .unknown
        self.powerStateUpdated = nil
        self.osystem = ""
        self.distroSeries = ""
        self.minHWEKernel = ""
        self.netboot = true
        self.locked = false
        self.interfaces = []
        self.blockDevices = []
        self.bootInterfaceID = nil
        self.bootDiskID = nil
        self.operation = nil
        self.generation = 0
        self.commissioningResultID = nil
        self.testingResultID = nil
        self.installationResultID = nil
        self.lastContact = nil
        self.created = created
        self.updated = created
        self.version = 0
    }

    /// The interface that the machine was last seen to boot from, else the first one.
    public var bootInterface: NetworkInterface? {
        self.interfaces.first { $0.id == self.bootInterfaceID } ?? self.interfaces.first
    }

    /// The disk to install on: the chosen one, else the first one.
    public var bootDisk: BlockDevice? {
        self.blockDevices.first { $0.id == self.bootDiskID } ?? self.blockDevices.first
    }
}
