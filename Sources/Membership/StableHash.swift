// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// FNV-1a, then mixed: the same in every process, unlike Swift's own hashes. It keeps nothing secret and proves nothing.
struct StableHash {
    private var value: UInt64

    init(seed: UInt64) {
        self.value = 0xCBF2_9CE4_8422_2325
        self.take(seed)
    }

    mutating func take(_ byte: UInt8) {
        self.value = (self.value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }

    mutating func take(_ number: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { self.take(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    mutating func take(_ member: SystemID) {
        for byte in member.description.utf8 { self.take(byte) }
    }

    var mixed: UInt64 {
        var hash = self.value
        hash = (hash ^ (hash >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ (hash >> 33)) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ (hash >> 33)
    }
}
