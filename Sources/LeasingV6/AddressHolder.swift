// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Who an address is for: a client (its DUID) and the client's own number for the association (IAID), as 128 bits of them.
public struct AddressHolder: Sendable, Hashable {
    let first: UInt64
    let second: UInt64

    /// A short form, for tables.
    public var digest: UInt64 { self.first }

    init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }

    /// - Parameters:
    ///   - range: where the DUID is in the bytes.
    ///   - association: the IAID (RFC 8415, section 12).
    public init(identifier range: Range<Int>, of bytes: borrowing Span<UInt8>, association: UInt32) {
        var hash = SipHash(key: (0x4761_6E74_7279_2076, 0x3620_6164_6472_6573))
        for index in range where index >= 0 && index < bytes.count { hash.absorb(bytes[index]) }
        for index in UInt32(0)..<4 { hash.absorb(UInt8(truncatingIfNeeded: association >> (24 - 8 * index))) }
        (self.first, self.second) = hash.finish()
    }
}
