// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// How an interface gets an address on a subnet.
public struct InterfaceLink: Sendable, Hashable, Codable {
    public enum Mode: String, Sendable, Codable, CaseIterable {
        /// Gantry picks an address when the machine is deployed.
        case auto
        case dhcp
        case `static`
        /// Up without an address.
        case linkUp = "link_up"
    }

    public var id: Int
    public var mode: Mode
    public var subnetID: Int?
    public var address: IPv4Address?

    public init(id: Int, mode: Mode, subnetID: Int?, address: IPv4Address?) {
        self.id = id
        self.mode = mode
        self.subnetID = subnetID
        self.address = address
    }
}
