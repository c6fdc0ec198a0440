// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Keyed-hash message authentication codes (RFC 2104).
///
/// SHA-1 is here only because OAuth 1.0 (RFC 5849 section 3.4.2) names it; everything of our own uses SHA-256.
public enum HMAC {
    /// HMAC-SHA-1: 20 bytes.
    public static func sha1(_ data: [UInt8], key: [UInt8]) -> [UInt8] {
        unsafe Self.compute(EVP_sha1(), data, key: key)
    }

    /// HMAC-SHA-256: 32 bytes.
    public static func sha256(_ data: [UInt8], key: [UInt8]) -> [UInt8] {
        unsafe Self.compute(EVP_sha256(), data, key: key)
    }

    private static func compute(_ digest: OpaquePointer?, _ data: [UInt8], key: [UInt8]) -> [UInt8] {
        // libcrypto reads a null key as "the key of the previous call": an empty key needs a pointer.
        let paddedKey = key.isEmpty ? [0] : key
        return unsafe [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
            var length: UInt32 = 0
            let result = unsafe COpenSSL.HMAC(digest, paddedKey, Int32(key.count), data, data.count, buffer.baseAddress, &length)
            precondition(unsafe result != nil, "HMAC failed: \(ErrorQueue.drain())")
            count = Int(length)
        }
    }
}
