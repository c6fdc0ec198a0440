// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A layer-2 network. One on which Gantry serves DHCP is a *segment*.
public struct VLAN: Sendable, Hashable, Codable {
    public var id: Int
    /// The tag on the wire; 0 is untagged.
    public var vid: Int
    public var name: String
    public var description: String
    public var fabricID: Int
    public var mtu: Int
    public var dhcpOn: Bool
    public var primaryRack: SystemID?
    public var secondaryRack: SystemID?
    /// The VLAN whose racks answer for this one through a relay.
    public var relayVLANID: Int?
    /// The name of the space; nil is MAAS's `undefined`.
    public var space: String?

    public init(
        id: Int, vid: Int, name: String, description: String, fabricID: Int, mtu: Int, dhcpOn: Bool, primaryRack: SystemID?,
        secondaryRack: SystemID?, relayVLANID: Int?, space: String?
    ) {
        self.id = id
        self.vid = vid
        self.name = name
        self.description = description
        self.fabricID = fabricID
        self.mtu = mtu
        self.dhcpOn = dhcpOn
        self.primaryRack = primaryRack
        self.secondaryRack = secondaryRack
        self.relayVLANID = relayVLANID
        self.space = space
    }
}
