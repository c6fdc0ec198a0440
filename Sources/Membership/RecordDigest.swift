// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// 32 bytes that differ when two members know different things. Four independent lanes of a plain hash: it finds differences, not forgeries.
public struct RecordDigest: Sendable, Hashable {
    public static let length = 32

    public let bytes: [UInt8]

    /// - Parameter bytes: exactly ``length`` of them.
    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// - Parameter records: in the order of their identities.
    public init(of records: [MemberRecord]) {
        var bytes: [UInt8] = []
        let encoded = MembershipMessage.encoded(records)
        for lane in 0..<4 {
            var hash = StableHash(seed: UInt64(lane))
            for byte in encoded { hash.take(byte) }
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: hash.mixed >> (56 - 8 * $0)) }
        }
        self.bytes = bytes
    }
}
