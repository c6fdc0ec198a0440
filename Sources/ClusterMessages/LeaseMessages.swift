// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import JSON
public import Leasing

/// A rack's word to the region's lease authority: requests for grants and tokens, receipts, reports of leases.
public struct LeaseRackReport: LinkMessage {
    public static let name = "lease.rack"
    public typealias Reply = LinkNothing

    public var message: LeaseRackMessage

    public init(_ message: LeaseRackMessage) {
        self.message = message
    }

    /// Reports of leases: one entry for each machine that boots or renews.
    public var encodedJSON: [UInt8]? {
        guard case .report(let report) = self.message else { return nil }
        var json = Array(#"{"message":{"report":{"_0":{"segmentID":\#(report.segmentID),"rack":"\#(report.rack)","entries":["#.utf8)
        json.reserveCapacity(json.count + 128 * report.entries.count)
        var isFirst = true
        for entry in report.entries {
            if !isFirst { json.append(UInt8(ascii: ",")) }
            isFirst = false
            json += #"{"address":"\#(entry.address)","generation":\#(entry.generation),"state":"\#(entry.state.rawValue)""#.utf8
            if let client = entry.client { json += #","client":"\#(client)""#.utf8 }
            if let hostname = entry.hostname {
                json += #","hostname":"#.utf8
                JSONValue.string(hostname).write(to: &json)
            }
            json += #","remainingSeconds":\#(entry.remainingSeconds)}"#.utf8
        }
        json += "]}}}}".utf8
        return json
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
