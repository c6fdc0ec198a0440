// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// In which order racks take over a segment: the region's wish, and a hash where the region has said nothing.
///
/// All racks that hold the same version compute the same order, so that nothing has to be agreed on when a rack dies.
public struct SuccessionList: Sendable, Hashable, Codable {
    /// Raised with each change.
    public var version: UInt64
    /// Most preferred first.
    public var racks: [SystemID]

    public init(version: UInt64 = 0, racks: [SystemID] = []) {
        self.version = version
        self.racks = racks
    }

    /// A rack's preference: the length of the list for its first rack, 1 for its last, 0 for racks that are not in it.
    public func preference(of rack: SystemID) -> Int16 {
        guard let index = self.racks.firstIndex(of: rack) else { return 0 }
        return Int16(clamping: self.racks.count - index)
    }

    /// A rack's rendezvous score on a segment (FNV-1a over both names, then mixed).
    public static func score(segment: Int, rack: SystemID) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func take(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        for shift in stride(from: 0, to: 64, by: 8) { take(UInt8(truncatingIfNeeded: segment >> shift)) }
        for byte in rack.description.utf8 { take(byte) }
        hash = (hash ^ (hash >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ (hash >> 33)) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ (hash >> 33)
    }
}
