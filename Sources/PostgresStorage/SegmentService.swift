// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What the racks of a shared segment have in common.
public struct SegmentService: Sendable, Hashable {
    public var vlanID: Int
    /// The address that whichever rack is active answers for.
    public var address: IPv4Address
    /// What the keys of pulses are derived from; sealed in the database.
    public var secret: [UInt8]
    /// Rises with each change of `racks`.
    public var version: UInt64
    /// Who may answer the segment, most preferred first.
    public var racks: [SystemID]

    public init(vlanID: Int, address: IPv4Address, secret: [UInt8], version: UInt64, racks: [SystemID]) {
        self.vlanID = vlanID
        self.address = address
        self.secret = secret
        self.version = version
        self.racks = racks
    }
}

/// Where a rack listens for other racks.
public struct RackPeer: Sendable, Hashable {
    public var rack: SystemID
    public var host: String
    public var port: Int
    /// The operator wants the rack off its segments.
    public var isDrained: Bool

    public init(rack: SystemID, host: String, port: Int, isDrained: Bool = false) {
        self.rack = rack
        self.host = host
        self.port = port
        self.isDrained = isDrained
    }
}
