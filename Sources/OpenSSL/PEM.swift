// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Glibc

/// The text form of certificates and keys (RFC 7468).
enum PEM {
    /// The longest text that is read: a chain of eight certificates is far shorter.
    static let maximumByteCount = 256 << 10
    /// The most certificates in one text.
    static let maximumCertificates = 16

    /// All certificates in the text, at least one.
    static func certificates(in text: String, what: String) throws -> [X509Certificate] {
        let reader = try MemoryReader(text, what: what)
        var certificates: [X509Certificate] = []
        while let pointer = unsafe PEM_read_bio_X509(reader.pointer, nil, { _, _, _, _ in -1 }, nil) {
            certificates.append(unsafe X509Certificate(taking: pointer))
            guard certificates.count <= Self.maximumCertificates else {
                throw OpenSSLError(.limitExceeded, "\(what) has more than \(Self.maximumCertificates) certificates")
            }
        }
        // The last read always fails. "No start line" is how the end looks; anything else is a broken certificate.
        let number = ERR_peek_last_error()
        let reachedEnd = number & 0x7f_ffff == UInt(PEM_R_NO_START_LINE)
        guard reachedEnd, !certificates.isEmpty else {
            throw OpenSSLError.fromQueue(.invalidCertificate, "\(what) is not a certificate in PEM form")
        }
        ErrorQueue.clear()
        return certificates
    }

    /// The private key in the text. A key that is protected by a password is refused, never asked for on a terminal.
    static func privateKey(in text: String, what: String) throws -> PrivateKey {
        let reader = try MemoryReader(text, what: what)
        guard let pointer = unsafe PEM_read_bio_PrivateKey(reader.pointer, nil, { _, _, _, _ in -1 }, nil) else {
            throw OpenSSLError.fromQueue(.invalidKey, "\(what) is not an unencrypted private key in PEM form")
        }
        return unsafe PrivateKey(taking: pointer)
    }

    /// The text of a certificate.
    static func text(of certificate: X509Certificate) throws -> String {
        let writer = try MemoryWriter()
        guard unsafe PEM_write_bio_X509(writer.pointer, certificate.pointer) == 1 else {
            throw OpenSSLError.fromQueue(.openSSLFailure, "PEM_write_bio_X509")
        }
        return writer.text
    }

    /// The text of a private key, as PKCS #8 without a password.
    static func text(of key: PrivateKey) throws -> String {
        let writer = try MemoryWriter()
        guard unsafe PEM_write_bio_PrivateKey(writer.pointer, key.pointer, nil, nil, 0, nil, nil) == 1 else {
            throw OpenSSLError.fromQueue(.openSSLFailure, "PEM_write_bio_PrivateKey")
        }
        return writer.text
    }

    /// The text in a file.
    static func load(path: String) throws -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw OpenSSLError(.fileFailure, "cannot open \(path): error \(errno)") }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 16 << 10)
        while content.count <= Self.maximumByteCount {
            let count = unsafe read(descriptor, &block, block.count)
            guard count >= 0 else { throw OpenSSLError(.fileFailure, "cannot read \(path): error \(errno)") }
            if count == 0 { return String(decoding: content, as: UTF8.self) }
            content += block.prefix(count)
        }
        throw OpenSSLError(.limitExceeded, "\(path) is longer than \(Self.maximumByteCount) bytes")
    }
}

/// A read-only memory BIO.
@safe private final class MemoryReader {
    let pointer: OpaquePointer
    /// A memory BIO does not copy: the bytes live as long as it does.
    private let bytes: UnsafeMutableRawBufferPointer

    init(_ text: String, what: String) throws {
        let content = Array(text.utf8)
        guard content.count <= PEM.maximumByteCount else {
            throw OpenSSLError(.limitExceeded, "\(what) is longer than \(PEM.maximumByteCount) bytes")
        }
        ErrorQueue.clear()
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, content.count), alignment: 1)
        unsafe bytes.copyBytes(from: content)
        guard let pointer = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(content.count)) else {
            unsafe bytes.deallocate()
            throw OpenSSLError.fromQueue(.openSSLFailure, "BIO_new_mem_buf")
        }
        unsafe self.bytes = bytes
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe BIO_free(self.pointer)
        unsafe OPENSSL_cleanse(self.bytes.baseAddress, self.bytes.count)
        unsafe self.bytes.deallocate()
    }
}

/// A growing memory BIO.
@safe private final class MemoryWriter {
    let pointer: OpaquePointer

    init() throws {
        ErrorQueue.clear()
        guard let pointer = unsafe BIO_new(BIO_s_mem()) else { throw OpenSSLError.fromQueue(.openSSLFailure, "BIO_new") }
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe BIO_free(self.pointer)
    }

    var text: String {
        let count = unsafe BIO_ctrl_pending(self.pointer)
        var bytes = [UInt8](repeating: 0, count: count)
        var read = 0
        _ = unsafe BIO_read_ex(self.pointer, &bytes, count, &read)
        return String(decoding: bytes.prefix(read), as: UTF8.self)
    }
}
