// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The checksum of IEEE 802.3, for records on disk.
struct CRC32 {
    private static let table: [UInt32] = (0..<256).map { number in
        var value = UInt32(number)
        for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
        return value
    }

    private var state: UInt32 = 0xFFFF_FFFF

    mutating func update(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            self.state = Self.table[Int((self.state ^ UInt32(byte)) & 0xFF)] ^ self.state >> 8
        }
    }

    var value: UInt32 { ~self.state }

    static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var checksum = CRC32()
        checksum.update(bytes)
        return checksum.value
    }
}
