// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// A client's message, as far as leases are concerned.
public struct LeaseQuery: Sendable, Hashable {
    public enum Kind: UInt8, Sendable, Hashable {
        case discover, request, release, decline, inform
    }

    public var kind: Kind
    /// The client's identity. Only the hardware address counts: firmware, boot loader and operating system of one machine send
    /// different client identifiers, and all of them shall get the same address.
    public var client: MACAddress
    /// Option 50.
    public var requestedAddress: IPv4Address?
    /// `ciaddr`; zero when the client has none.
    public var clientAddress: IPv4Address
    /// Option 54.
    public var serverIdentifier: IPv4Address?
    /// An address of the client's network, as a relay agent or the client itself names it; zero for our own wire.
    public var linkAddress: IPv4Address

    public init(
        kind: Kind, client: MACAddress, requestedAddress: IPv4Address? = nil,
        clientAddress: IPv4Address = IPv4Address(rawValue: 0), serverIdentifier: IPv4Address? = nil,
        linkAddress: IPv4Address = IPv4Address(rawValue: 0)
    ) {
        self.kind = kind
        self.client = client
        self.requestedAddress = requestedAddress
        self.clientAddress = clientAddress
        self.serverIdentifier = serverIdentifier
        self.linkAddress = linkAddress
    }
}

/// What to do about a client's message.
public enum LeaseDecision: Sendable, Hashable {
    case offer(address: IPv4Address, leaseSeconds: Int)
    case acknowledge(address: IPv4Address, leaseSeconds: Int)
    /// Parameters without an address, for a client that has one (RFC 2131, section 3.4).
    case inform
    /// A DHCPNAK: the client starts again.
    case refuse(RefusalReason)
    /// Nothing is sent, because the message wants no answer.
    case recorded(RecordedReason)
    case silent(SilenceReason)

    /// Why a client is told no. Only what this rack *knows*; see `docs/dhcp.md`.
    public enum RefusalReason: String, Sendable, Hashable {
        case wrongNetwork
        case boundToAnother
        case reservedForAnother
        case reservedElsewhere
        /// The client chose our offer, and the address can no longer be had.
        case offerGone
    }

    public enum RecordedReason: String, Sendable, Hashable {
        case released, declined, choseAnotherServer
    }

    /// Why a client is not answered.
    public enum SilenceReason: String, Sendable, Hashable {
        case standby
        /// No serving grant (rule R9), or it ended.
        case noGrant
        /// A request for a binding that this rack does not know (rule R3).
        case unknownBinding
        /// No address is left that this rack may give.
        case exhausted
        /// The journal cannot be written, so no new address may be given (rule R1).
        case storageFailed
        /// The client's network is not this segment's.
        case notOurSegment
        /// The message contradicts itself or the protocol.
        case malformed
        case notOurs
        /// The reserved address is still in somebody else's lease.
        case reservationBusy
    }
}
