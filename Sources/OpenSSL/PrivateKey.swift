// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// The owner of one `EVP_PKEY`, which is not changed after it was made.
///
/// `@unchecked Sendable`: libcrypto's users of a finished key lock what they cache.
@safe final class PrivateKey: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Takes over a reference.
    init(taking pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe EVP_PKEY_free(self.pointer)
    }

    /// A new key on the curve P-256 (FIPS 186-4).
    static func generate() throws -> PrivateKey {
        ErrorQueue.clear()
        let context = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil)
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_keygen_init(context) == 1,
            unsafe EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1,
            unsafe EVP_PKEY_keygen(context, &key) == 1,
            let pointer = unsafe key
        else { throw OpenSSLError.fromQueue(.openSSLFailure, "making a P-256 key") }
        return unsafe PrivateKey(taking: pointer)
    }

    /// Whether the certificate is for this key.
    func belongs(to certificate: X509Certificate) -> Bool {
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        return unsafe X509_check_private_key(certificate.pointer, self.pointer) == 1
    }
}
