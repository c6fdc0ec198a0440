// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Seals secrets for storage with AES-256-GCM (NIST SP 800-38D).
///
/// A sealed secret is bound to its *context*, such as `bmc/1234/password`: it opens only where it was put, so a row copied to another
/// place in the database is noticed. The form is one version byte (1), a random nonce of 12 bytes, the ciphertext and a tag of 16 bytes.
/// Nonces are random, which is safe for 2^32 secrets under one key (section 8.3 there).
public struct SecretBox: Sendable, CustomStringConvertible, CustomReflectable {
    /// The length of a key in bytes.
    public static let keyByteCount = 32
    /// How many bytes a sealed secret is longer than the secret.
    public static let overhead = 1 + Self.nonceByteCount + Self.tagByteCount

    private static let version: UInt8 = 1
    private static let nonceByteCount = 12
    private static let tagByteCount = 16

    private let key: SecretBytes

    /// A box with a key of 32 random bytes.
    ///
    /// - Throws: ``OpenSSLError`` `invalidKey` for any other length.
    public init(key: [UInt8]) throws {
        guard key.count == Self.keyByteCount else {
            throw OpenSSLError(.invalidKey, "a sealing key of \(key.count) bytes, expected \(Self.keyByteCount)")
        }
        self.key = SecretBytes(key)
    }

    /// Seals bytes for one context.
    ///
    /// - Throws: ``OpenSSLError`` `openSSLFailure` when libcrypto fails.
    public func seal(_ plaintext: [UInt8], context: String) throws -> [UInt8] {
        let nonce = SecureRandom.bytes(Self.nonceByteCount)
        let cipher = try CipherContext(encrypting: true, key: self.key, nonce: nonce)
        try cipher.authenticate(Self.associatedData(context))
        let ciphertext = try cipher.update(plaintext)
        try cipher.finish()
        return try [Self.version] + nonce + ciphertext + cipher.tag(byteCount: Self.tagByteCount)
    }

    /// Opens what ``seal(_:context:)`` made.
    ///
    /// - Throws: ``OpenSSLError`` `malformed` for bytes that are too short or of another version, `authenticationFailed` when they were
    ///   changed, or sealed with another key or for another context.
    public func open(_ sealed: [UInt8], context: String) throws -> [UInt8] {
        guard sealed.count >= Self.overhead else {
            throw OpenSSLError(.malformed, "a sealed secret of \(sealed.count) bytes, expected at least \(Self.overhead)")
        }
        guard sealed[0] == Self.version else {
            throw OpenSSLError(.malformed, "a sealed secret of version \(sealed[0]), expected \(Self.version)")
        }
        let nonce = Array(sealed[1..<(1 + Self.nonceByteCount)])
        let ciphertext = Array(sealed[(1 + Self.nonceByteCount)..<(sealed.count - Self.tagByteCount)])
        let cipher = try CipherContext(encrypting: false, key: self.key, nonce: nonce)
        try cipher.authenticate(Self.associatedData(context))
        let plaintext = try cipher.update(ciphertext)
        try cipher.expect(tag: Array(sealed.suffix(Self.tagByteCount)))
        do {
            try cipher.finish()
        } catch {
            throw OpenSSLError(.authenticationFailed, "the sealed secret for \(context) was changed, or belongs to another key or place")
        }
        return plaintext
    }

    /// Seals the UTF-8 of a text.
    public func seal(text: String, context: String) throws -> [UInt8] {
        try self.seal(Array(text.utf8), context: context)
    }

    /// Opens a sealed text.
    ///
    /// - Throws: what ``open(_:context:)`` throws, and `malformed` when the content is not UTF-8.
    public func open(text sealed: [UInt8], context: String) throws -> String {
        guard let text = String(validating: try self.open(sealed, context: context), as: UTF8.self) else {
            throw OpenSSLError(.malformed, "the sealed secret for \(context) is not UTF-8")
        }
        return text
    }

    /// Says nothing about the key.
    public var description: String { "SecretBox" }

    /// Hides the key from dumps.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// The version is authenticated too, so that a later version can never be opened as this one.
    private static func associatedData(_ context: String) -> [UInt8] {
        [Self.version] + Array(context.utf8)
    }
}

/// Secret bytes in memory of their own that is wiped when nobody needs them any more.
///
/// `@unchecked Sendable`: the memory is written by the initializer only, and wiped by the last owner.
@safe final class SecretBytes: @unchecked Sendable {
    private let memory: UnsafeMutableRawBufferPointer

    init(_ bytes: [UInt8]) {
        unsafe self.memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 1)
        unsafe self.memory.copyBytes(from: bytes)
    }

    deinit {
        unsafe OPENSSL_cleanse(self.memory.baseAddress, self.memory.count)
        unsafe self.memory.deallocate()
    }

    /// Lends the bytes, which are never at a null address.
    func withUnsafeBytes<Result>(_ body: (UnsafePointer<UInt8>?) throws -> Result) rethrows -> Result {
        try unsafe body(UnsafePointer(self.memory.baseAddress?.assumingMemoryBound(to: UInt8.self)))
    }
}

/// One use of AES-256-GCM.
@safe private final class CipherContext {
    private let context: OpaquePointer

    init(encrypting: Bool, key: SecretBytes, nonce: [UInt8]) throws {
        guard let context = unsafe EVP_CIPHER_CTX_new() else { throw OpenSSLError.fromQueue(.openSSLFailure, "EVP_CIPHER_CTX_new") }
        unsafe self.context = context
        // 12 bytes is the nonce length that GCM has without being told.
        let result = unsafe key.withUnsafeBytes { key in
            unsafe EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce, encrypting ? 1 : 0)
        }
        guard result == 1 else {
            throw OpenSSLError.fromQueue(.openSSLFailure, "EVP_CipherInit_ex")
        }
    }

    deinit {
        unsafe EVP_CIPHER_CTX_free(self.context)
    }

    func authenticate(_ data: [UInt8]) throws {
        var length: Int32 = 0
        guard unsafe EVP_CipherUpdate(self.context, nil, &length, data, Int32(clamping: data.count)) == 1 else {
            throw OpenSSLError.fromQueue(.openSSLFailure, "EVP_CipherUpdate")
        }
    }

    func update(_ input: [UInt8]) throws -> [UInt8] {
        guard input.count <= Int(Int32.max) else {
            throw OpenSSLError(.invalidArgument, "a secret of \(input.count) bytes, expected at most \(Int32.max)")
        }
        guard !input.isEmpty else { return [] }
        return try unsafe [UInt8](unsafeUninitializedCapacity: input.count) { buffer, count in
            var length: Int32 = 0
            guard unsafe EVP_CipherUpdate(self.context, buffer.baseAddress, &length, input, Int32(input.count)) == 1 else {
                throw OpenSSLError.fromQueue(.openSSLFailure, "EVP_CipherUpdate")
            }
            count = Int(length)
        }
    }

    /// GCM has no padding: nothing is written, the tag is made or checked.
    func finish() throws {
        var block = [UInt8](repeating: 0, count: 16)
        var length: Int32 = 0
        guard unsafe EVP_CipherFinal_ex(self.context, &block, &length) == 1 else {
            throw OpenSSLError.fromQueue(.authenticationFailed, "EVP_CipherFinal_ex")
        }
    }

    func tag(byteCount: Int) throws -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: byteCount)
        guard unsafe EVP_CIPHER_CTX_ctrl(self.context, EVP_CTRL_AEAD_GET_TAG, Int32(byteCount), &tag) == 1 else {
            throw OpenSSLError.fromQueue(.openSSLFailure, "EVP_CTRL_AEAD_GET_TAG")
        }
        return tag
    }

    func expect(tag: [UInt8]) throws {
        var tag = tag
        guard unsafe EVP_CIPHER_CTX_ctrl(self.context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag) == 1 else {
            throw OpenSSLError.fromQueue(.openSSLFailure, "EVP_CTRL_AEAD_SET_TAG")
        }
    }
}
