// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import Leasing

/// Something that happened on a segment: becomes the machine's boot timeline.
public struct DHCPObservation: Sendable, Hashable {
    public enum Kind: String, Sendable, CaseIterable {
        case discover, offer, request, acknowledge, refuse, release, decline, inform
        /// A message that was not answered; `reason` says why.
        case silent
        /// A client took the offer of a server that is not ours; `address` is that server's. At most once a minute for each.
        case foreignServer
        /// A server that is not ours offers addresses; `address` is that server's, `macAddress` what sent the offer. As often.
        case foreignOffer
    }

    /// How a client boots.
    public enum Vendor: UInt8, Sendable {
        case none, pxeClient, httpClient, other
    }

    public var kind: Kind
    public var macAddress: MACAddress
    /// The address asked for, given, or given back.
    public var address: IPv4Address?
    /// Option 93.
    public var architecture: UInt16?
    public var isIPXE: Bool
    public var vendor: Vendor
    public var transactionID: UInt32
    /// Milliseconds since 1970, by the rack's wall clock.
    public var milliseconds: Int64
    public var reason: Reason?

    /// Why a client was refused or not answered.
    public enum Reason: Sendable, Hashable, CustomStringConvertible {
        case refused(LeaseDecision.RefusalReason)
        case silent(LeaseDecision.SilenceReason)
        /// A client of BOOTP, which is not served (RFC 951; option 53 is missing).
        case bootp

        public var description: String {
            switch self {
            case .refused(let reason): reason.rawValue
            case .silent(let reason): reason.rawValue
            case .bootp: "speaks BOOTP, and only DHCP is served"
            }
        }
    }
}
