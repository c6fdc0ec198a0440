// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// SipHash-2-4 with 128 bits of result (Aumasson and Bernstein, 2012): spreads what clients say of themselves evenly, and cheaply.
///
/// The key is no secret: racks of all releases must come to the same addresses.
struct SipHash: Sendable {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64
    private var tail: UInt64 = 0
    private var count: UInt64 = 0

    init(key: (UInt64, UInt64)) {
        self.v0 = key.0 ^ 0x736F_6D65_7073_6575
        self.v1 = key.1 ^ 0x646F_7261_6E64_6F6D ^ 0xEE
        self.v2 = key.0 ^ 0x6C79_6765_6E65_7261
        self.v3 = key.1 ^ 0x7465_6462_7974_6573
    }

    mutating func absorb(_ byte: UInt8) {
        self.tail |= UInt64(byte) << (8 * (self.count % 8))
        self.count += 1
        guard self.count % 8 == 0 else { return }
        self.compress(self.tail)
        self.tail = 0
    }

    private mutating func compress(_ word: UInt64) {
        self.v3 ^= word
        self.rounds(2)
        self.v0 ^= word
    }

    private mutating func rounds(_ count: Int) {
        func rotated(_ value: UInt64, _ bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }
        for _ in 0..<count {
            self.v0 &+= self.v1
            self.v1 = rotated(self.v1, 13) ^ self.v0
            self.v0 = rotated(self.v0, 32)
            self.v2 &+= self.v3
            self.v3 = rotated(self.v3, 16) ^ self.v2
            self.v0 &+= self.v3
            self.v3 = rotated(self.v3, 21) ^ self.v0
            self.v2 &+= self.v1
            self.v1 = rotated(self.v1, 17) ^ self.v2
            self.v2 = rotated(self.v2, 32)
        }
    }

    consuming func finish() -> (UInt64, UInt64) {
        var state = self
        state.compress(state.tail | state.count << 56)
        state.v2 ^= 0xEE
        state.rounds(4)
        let first = state.v0 ^ state.v1 ^ state.v2 ^ state.v3
        state.v1 ^= 0xDD
        state.rounds(4)
        return (first, state.v0 ^ state.v1 ^ state.v2 ^ state.v3)
    }
}
