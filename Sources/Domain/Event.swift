// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Something that happened, mostly to one machine: its boot requests, power actions, changes of state and results form the
/// machine's timeline.
public struct Event: Sendable, Hashable, Codable {
    /// Where it was seen.
    public enum Source: String, Sendable, Codable, CaseIterable {
        case lifecycle
        case power
        case dhcp
        case tftp
        case http
        case metadata
        case script
        case installation
        case image
        case audit
    }

    /// Given by the store, in order.
    public var id: Int
    public var machineID: SystemID?
    /// The interface that was seen, for events of a machine's boot: those from before it was known are found by it.
    public var macAddress: MACAddress?
    /// The machine's name at that time.
    public var hostname: String
    public var level: EventLevel
    public var source: Source
    /// A short type as MAAS shows it, such as `Performing PXE boot`.
    public var type: String
    public var description: String
    public var user: String
    /// When it happened, by the clock of who saw it.
    public var occurred: Timestamp
    /// Given by the store.
    public var created: Timestamp

    public init(
        machineID: SystemID?, hostname: String = "", level: EventLevel = .info, source: Source, type: String, description: String,
        user: String = "", occurred: Timestamp
    ) {
        self.id = 0
        self.machineID = machineID
        self.macAddress = nil
        self.hostname = hostname
        self.level = level
        self.source = source
        self.type = type
        self.description = description
        self.user = user
        self.occurred = occurred
        self.created = occurred
    }
}
