// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A network interface of a machine.
public struct NetworkInterface: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        case physical
        case bond
        case bridge
        case vlan
    }

    public var id: Int
    public var name: String
    public var kind: Kind
    public var macAddress: MACAddress
    public var vlanID: Int?
    public var links: [InterfaceLink]
    public var tags: [String]
    public var enabled: Bool
    public var mtu: Int?
    public var vendor: String
    public var product: String
    public var firmwareVersion: String
    public var linkConnected: Bool
    /// Mbit/s; 0 when unknown.
    public var linkSpeed: Int
    /// Mbit/s the port can do; 0 when unknown.
    public var interfaceSpeed: Int

    public init(id: Int, name: String, macAddress: MACAddress) {
        self.id = id
        self.name = name
        self.kind = .physical
        self.macAddress = macAddress
        self.vlanID = nil
        self.links = []
        self.tags = []
        self.enabled = true
        self.mtu = nil
        self.vendor = ""
        self.product = ""
        self.firmwareVersion = ""
        self.linkConnected = true
        self.linkSpeed = 0
        self.interfaceSpeed = 0
    }
}
