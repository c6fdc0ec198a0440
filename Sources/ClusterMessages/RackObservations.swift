// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a rack saw of machines' boots, in order; becomes their timelines.
public struct RackObservations: LinkMessage, Hashable {
    public static let name = "rack.observations"
    public typealias Reply = LinkNothing

    public var observations: [RackObservation]
    /// How many were lost because the rack's queue was full, since it started.
    public var lost: Int

    public init(observations: [RackObservation], lost: Int) {
        self.observations = observations
        self.lost = lost
    }
}

/// One thing that a rack saw of a machine's boot.
public struct RackObservation: Codable, Sendable, Hashable {
    public var source: Event.Source
    public var macAddress: MACAddress?
    public var address: IPv4Address?
    /// Such as `DHCP ACK` or `TFTP Request`.
    public var type: String
    public var description: String
    public var occurred: Timestamp
    /// What the machine was told to boot, when this was its boot configuration.
    public var purpose: BootPurpose?
    /// What the machine's DHCP request said of its firmware.
    public var firmware: Firmware?

    /// The ``type`` of an observation of another DHCP server on a segment: for the operator, not only for the timeline.
    public static let foreignServerType = "Foreign DHCP server"

    public init(
        source: Event.Source, macAddress: MACAddress?, address: IPv4Address?, type: String, description: String, occurred: Timestamp,
        purpose: BootPurpose? = nil, firmware: Firmware? = nil
    ) {
        self.source = source
        self.macAddress = macAddress
        self.address = address
        self.type = type
        self.description = description
        self.occurred = occurred
        self.purpose = purpose
        self.firmware = firmware
    }
}
