// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What DHCP over IPv6 saw on one segment.
public typealias DHCPv6Observations = ObservationRing<DHCPv6Observation>

/// Something that happened on a segment over IPv6: becomes the machine's boot timeline.
public struct DHCPv6Observation: Sendable, Hashable {
    public enum Kind: String, Sendable, CaseIterable {
        case solicit, advertise, request, confirm, renew, rebind, reply, release, decline, inform
        /// A message that was not answered; `reason` says why.
        case silent
    }

    /// Why a client was not answered, or not given what it asked for.
    public enum Reason: String, Sendable, Hashable, CustomStringConvertible {
        /// Another rack is the segment's active one.
        case standby = "this rack stands by"
        case badIdentifiers = "identifiers of client or server are missing or not to be there"
        case anotherServer = "the client chose another server"
        case notOurLink = "the relay's link is not of this network"
        case unicast = "sent by unicast without leave"
        case nothingToConfirm = "no addresses to confirm"
        case noAddresses = "no address is left for the client"
        case noBinding = "the address was not given to this client"
        case notOnLink = "the address is of another network"

        public var description: String { self.rawValue }
    }

    public var kind: Kind
    public var macAddress: MACAddress?
    /// The address given, extended or given back.
    public var address: IPv6Address?
    /// Option 61.
    public var architecture: UInt16?
    public var isIPXE: Bool
    public var transactionID: UInt32
    /// Milliseconds since 1970, by the rack's wall clock.
    public var milliseconds: Int64
    public var reason: Reason?
}
