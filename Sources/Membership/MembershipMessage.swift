// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What members tell their neighbours, over connections that prove who speaks.
public enum MembershipMessage: Sendable, Hashable {
    /// The sender's sequence, and the last one that it heard from the receiver.
    case heartbeat(sequence: UInt64, echo: UInt64)
    /// What the sender knows, in short.
    case digest(rosterVersion: UInt64, RecordDigest)
    /// News, or a part of all that the sender knows; a receiver that is asked for it answers with all that it knows.
    case records([MemberRecord], wantsReply: Bool)

    /// The records in as many messages as they need; only the last one may want a reply.
    public static func splitting(_ records: [MemberRecord], wantsReply: Bool) -> [MembershipMessage] {
        stride(from: 0, to: records.count, by: Self.maximumRecords).map { start in
            let end = min(start + Self.maximumRecords, records.count)
            return .records(Array(records[start..<end]), wantsReply: wantsReply && end == records.count)
        }
    }
}
