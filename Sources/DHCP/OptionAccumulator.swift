// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The first 24 bytes of an option, put together over its parts (RFC 3396) without storage.
struct OptionAccumulator {
    /// All bytes seen, also those that no longer fit.
    private(set) var length = 0
    private var first: UInt64 = 0
    private var second: UInt64 = 0
    private var third: UInt64 = 0

    mutating func append(_ byte: UInt8) {
        switch self.length {
        case 0..<8: self.first = self.first << 8 | UInt64(byte)
        case 8..<16: self.second = self.second << 8 | UInt64(byte)
        case 16..<24: self.third = self.third << 8 | UInt64(byte)
        default: break
        }
        self.length &+= 1
    }

    mutating func append(_ range: DHCPOptionRange, of bytes: borrowing Span<UInt8>) {
        for offset in range.offset..<(range.offset + range.length) {
            self.append(bytes[offset])
        }
    }

    /// One byte of the first 24; zero where there is none.
    func byte(_ index: Int) -> UInt8 {
        guard index >= 0, index < self.length, index < 24 else { return 0 }
        let inWord = min(self.length - index / 8 * 8, 8)
        let word = index < 8 ? self.first : index < 16 ? self.second : self.third
        return UInt8(truncatingIfNeeded: word >> UInt64(8 * (inWord - 1 - index % 8)))
    }

    /// The first bytes as one number, most significant first.
    func number(from start: Int = 0, count: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in start..<(start + count) {
            value = value << 8 | UInt64(self.byte(index))
        }
        return value
    }

    func hasPrefix(_ text: StaticString, from start: Int = 0) -> Bool {
        let count = text.utf8CodeUnitCount
        guard self.length >= start + count else { return false }
        return text.withUTF8Buffer { buffer in
            for index in 0..<count where unsafe buffer[index] != self.byte(start + index) {
                return false
            }
            return true
        }
    }
}
