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

    mutating func update(_ bytes: borrowing Span<UInt8>) {
        let table = Self.table.span
        var state = self.state
        for index in bytes.indices { state = table[Int((state ^ UInt32(bytes[index])) & 0xFF)] ^ state >> 8 }
        self.state = state
    }

    var value: UInt32 { ~self.state }

    static func of(_ bytes: borrowing Span<UInt8>) -> UInt32 {
        var checksum = CRC32()
        checksum.update(bytes)
        return checksum.value
    }
}
