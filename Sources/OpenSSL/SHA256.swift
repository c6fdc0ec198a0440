// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// SHA-256 (FIPS 180-4), computed in steps over any amount of data.
///
/// A copy is independent of its original, so that a prefix need not be hashed twice.
public struct SHA256: Sendable {
    /// The length of a digest in bytes.
    public static let byteCount = 32

    private var state: DigestState

    /// Starts with no data.
    public init() {
        self.state = DigestState()
    }

    /// Appends bytes.
    public mutating func update(_ bytes: some Collection<UInt8>) {
        self.makeUnique()
        let done: Void? = bytes.withContiguousStorageIfAvailable { unsafe self.state.update(UnsafeRawBufferPointer($0)) }
        if done == nil {
            unsafe Array(bytes).withUnsafeBytes { unsafe self.state.update($0) }
        }
    }

    /// Appends bytes that are already in memory of the caller's.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        self.makeUnique()
        unsafe self.state.update(bytes)
    }

    /// The digest (32 bytes) of everything appended since the start; starts anew with no data.
    public mutating func finalize() -> [UInt8] {
        self.makeUnique()
        let digest = self.state.finalize()
        self.state = DigestState()
        return digest
    }

    /// Like ``finalize()``, as 64 lower-case hexadecimal digits.
    public mutating func finalizeHex() -> String {
        Hexadecimal.encode(self.finalize())
    }

    /// The digest of one piece of data.
    public static func digest(of bytes: some Collection<UInt8>) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finalize()
    }

    /// The digest of one piece of data as 64 lower-case hexadecimal digits.
    public static func hexDigest(of bytes: some Collection<UInt8>) -> String {
        Hexadecimal.encode(Self.digest(of: bytes))
    }

    private mutating func makeUnique() {
        if !isKnownUniquelyReferenced(&self.state) {
            self.state = self.state.copy()
        }
    }
}

/// The owner of one `EVP_MD_CTX`.
///
/// `@unchecked Sendable`: ``SHA256`` copies it before it changes a shared one, so it is only ever changed by one owner.
@safe private final class DigestState: @unchecked Sendable {
    private let context: OpaquePointer

    init() {
        guard let context = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("libcrypto has no SHA-256, or no memory: \(ErrorQueue.drain())")
        }
        unsafe self.context = context
    }

    private init(taking context: OpaquePointer) {
        unsafe self.context = context
    }

    deinit {
        unsafe EVP_MD_CTX_free(self.context)
    }

    func copy() -> DigestState {
        guard let context = unsafe EVP_MD_CTX_new(), unsafe EVP_MD_CTX_copy_ex(context, self.context) == 1 else {
            preconditionFailure("libcrypto has no memory for a digest: \(ErrorQueue.drain())")
        }
        return unsafe DigestState(taking: context)
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, unsafe !bytes.isEmpty else { return }
        precondition(unsafe EVP_DigestUpdate(self.context, base, bytes.count) == 1, "SHA-256 failed: \(ErrorQueue.drain())")
    }

    func finalize() -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: SHA256.byteCount) { buffer, count in
            precondition(unsafe EVP_DigestFinal_ex(self.context, buffer.baseAddress, nil) == 1, "SHA-256 failed: \(ErrorQueue.drain())")
            count = SHA256.byteCount
        }
    }
}
