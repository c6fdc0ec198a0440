// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// 32 bytes that differ when two members know different things: four sums of the records' hashes, so a change costs one record's hashing.
///
/// It finds differences, not forgeries: the hash is a plain one.
public struct RecordDigest: Sendable, Hashable {
    public static let length = 32

    private var lanes: [UInt64]

    public init(of records: some Sequence<MemberRecord> = EmptyCollection()) {
        self.lanes = [0, 0, 0, 0]
        for record in records { self.insert(record) }
    }

    /// Nil unless there are ``length`` bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.length else { return nil }
        self.lanes = (0..<4).map { bytes.dropFirst(8 * $0).prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
    }

    /// Big-endian.
    public var bytes: [UInt8] {
        self.lanes.flatMap { lane in (0..<8).map { UInt8(truncatingIfNeeded: lane >> (56 - 8 * $0)) } }
    }

    public mutating func insert(_ record: MemberRecord) {
        let hashes = Self.hashes(of: record)
        for lane in 0..<4 { self.lanes[lane] &+= hashes[lane] }
    }

    public mutating func remove(_ record: MemberRecord) {
        let hashes = Self.hashes(of: record)
        for lane in 0..<4 { self.lanes[lane] &-= hashes[lane] }
    }

    private static func hashes(of record: MemberRecord) -> [UInt64] {
        (0..<4 as Range<UInt64>).map { lane in
            var hash = StableHash(seed: lane)
            hash.take(record.id)
            hash.take(record.status.rawValue)
            hash.take(record.incarnation)
            hash.take(record.version)
            for charge in record.charges {
                hash.take(charge.subject)
                hash.take(charge.incarnation)
            }
            return hash.mixed
        }
    }
}
