// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Random values that nobody can predict: keys, nonces, tokens.
public enum SecureRandom {
    /// `count` random bytes. The process ends if the system has no randomness to give, because nothing safe can follow.
    public static func bytes(_ count: Int) -> [UInt8] {
        precondition(count >= 0 && count <= Int(Int32.max), "SecureRandom.bytes(\(count)): expected 0...\(Int32.max)")
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            if count > 0 {
                precondition(unsafe RAND_bytes(buffer.baseAddress, Int32(count)) == 1, "no randomness: \(ErrorQueue.drain())")
            }
            initialized = count
        }
    }

    /// A random text of letters and digits; each character is worth 5.95 bits, so 22 of them are worth 128.
    public static func token(length: Int) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(length)
        while text.count < length {
            // 248 is the greatest multiple of 62 below 256: larger bytes are thrown away so that no character is likelier.
            for byte in Self.bytes(length - text.count) where byte < 248 {
                text.append(alphabet[Int(byte) % alphabet.count])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Comparisons whose duration does not tell where two secrets differ.
public enum ConstantTime {
    /// Whether both hold the same bytes. Only the lengths may be learned from the time it takes.
    public static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && (unsafe CRYPTO_memcmp(left, right, left.count)) == 0
    }

    /// Whether both hold the same UTF-8.
    public static func areEqual(_ left: String, _ right: String) -> Bool {
        Self.areEqual(Array(left.utf8), Array(right.utf8))
    }
}
