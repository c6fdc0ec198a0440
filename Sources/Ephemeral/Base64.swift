// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Base64 with padding (RFC 4648, section 4). Its letters need no quoting in Python.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 1
            if count == 3 {
                for shift in [18, 12, 6, 0] { text.append(self.alphabet[Int(bits >> UInt32(shift) & 63)]) }
                bits = 0
                count = 0
            }
        }
        if count > 0 {
            bits <<= UInt32(8 * (3 - count))
            for shift in [18, 12, 6, 0].prefix(count + 1) { text.append(self.alphabet[Int(bits >> UInt32(shift) & 63)]) }
            text += [UInt8](repeating: UInt8(ascii: "="), count: 3 - count)
        }
        return text
    }
}
