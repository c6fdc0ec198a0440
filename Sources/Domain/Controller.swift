// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A rack or region controller, as it described itself.
public struct Controller: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        case rack
        case region
    }

    public var id: SystemID
    public var kind: Kind
    public var hostname: String
    public var softwareVersion: String
    /// Interface names with their addresses in CIDR form.
    public var interfaces: [ControllerInterface]
    public var firstSeen: Timestamp
    public var lastSeen: Timestamp
    /// Whether its link was up when last looked at.
    public var connected: Bool

    public init(
        id: SystemID, kind: Kind, hostname: String, softwareVersion: String, interfaces: [ControllerInterface], firstSeen: Timestamp,
        lastSeen: Timestamp, connected: Bool
    ) {
        self.id = id
        self.kind = kind
        self.hostname = hostname
        self.softwareVersion = softwareVersion
        self.interfaces = interfaces
        self.firstSeen = firstSeen
        self.lastSeen = lastSeen
        self.connected = connected
    }
}
