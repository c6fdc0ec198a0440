// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// An address that DHCP gave out, as the racks reported it.
public struct Lease: Sendable, Hashable, Codable {
    public var vlanID: Int
    public var address: IPv4Address
    public var macAddress: MACAddress
    public var generation: Int
    public var hostname: String
    public var expires: Timestamp
    public var updated: Timestamp

    public init(
        vlanID: Int, address: IPv4Address, macAddress: MACAddress, generation: Int, hostname: String, expires: Timestamp, updated: Timestamp
    ) {
        self.vlanID = vlanID
        self.address = address
        self.macAddress = macAddress
        self.generation = generation
        self.hostname = hostname
        self.expires = expires
        self.updated = updated
    }
}
