// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

extension Span<UInt8> {
    func short(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    func number(at offset: Int) -> UInt32 {
        UInt32(self.short(at: offset)) << 16 | UInt32(self.short(at: offset + 2))
    }

    private func long(at offset: Int) -> UInt64 {
        UInt64(self.number(at: offset)) << 32 | UInt64(self.number(at: offset + 4))
    }

    func ipv6Address(at offset: Int) -> IPv6Address {
        IPv6Address(high: self.long(at: offset), low: self.long(at: offset + 8))
    }

    func macAddress(at offset: Int) -> MACAddress {
        MACAddress(rawValue: UInt64(self.number(at: offset)) << 16 | UInt64(self.short(at: offset + 4)))
    }

    /// Whether the text is in the bytes at an offset, and before `end`.
    func hasText(_ text: StaticString, at offset: Int, before end: Int) -> Bool {
        guard offset + text.utf8CodeUnitCount <= Swift.min(end, self.count) else { return false }
        for index in 0..<text.utf8CodeUnitCount where unsafe self[offset + index] != text.utf8Start[index] { return false }
        return true
    }
}
