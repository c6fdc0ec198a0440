// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Addresses of a subnet set apart: for DHCP, or from all of Gantry's own use.
public struct IPRange: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// Given out by DHCP to machines without an address of their own.
        case dynamic
        /// Never given out.
        case reserved
    }

    public var id: Int
    public var kind: Kind
    public var start: IPv4Address
    public var end: IPv4Address
    public var subnetID: Int
    public var comment: String
    /// The user who made it.
    public var user: String?

    public init(id: Int, kind: Kind, start: IPv4Address, end: IPv4Address, subnetID: Int, comment: String, user: String?) {
        self.id = id
        self.kind = kind
        self.start = start
        self.end = end
        self.subnetID = subnetID
        self.comment = comment
        self.user = user
    }
}
