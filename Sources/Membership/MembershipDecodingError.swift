// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why bytes are no membership message.
public enum MembershipDecodingError: Error, Sendable, Hashable {
    /// Ends before what was expected at `offset`.
    case truncated(offset: Int)
    case tooLong(count: Int)
    /// Not this protocol at all.
    case wrongMagic
    /// A later version, which this member does not know.
    case unknownVersion(UInt8)
    case unknownKind(UInt8)
    case unknownStatus(UInt8, offset: Int)
    /// Six bytes that are no system id.
    case invalidMember(offset: Int)
    case tooManyRecords(Int)
    case tooManyCharges(Int, offset: Int)
}
