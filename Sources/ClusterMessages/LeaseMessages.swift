// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Leasing

/// A rack's word to the region's lease authority: requests for grants and tokens, receipts, reports of leases.
public struct LeaseRackReport: LinkMessage {
    public static let name = "lease.rack"
    public typealias Reply = LinkNothing

    public var message: LeaseRackMessage

    public init(_ message: LeaseRackMessage) {
        self.message = message
    }
}

/// The lease authority's word to a rack: grants, tokens, requests to recycle.
public struct LeaseAuthorityOrder: LinkMessage {
    public static let name = "lease.authority"
    public typealias Reply = LinkNothing

    public var message: LeaseAuthorityMessage

    public init(_ message: LeaseAuthorityMessage) {
        self.message = message
    }
}
