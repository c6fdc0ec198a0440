// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Glibc

/// The owner of one `X509`, which is not changed after it was made.
///
/// `@unchecked Sendable`: libcrypto's readers of a finished certificate lock what they cache.
@safe final class X509Certificate: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Takes over a reference.
    init(taking pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe X509_free(self.pointer)
    }

    /// The first common name of the subject.
    var commonName: String? {
        guard let name = unsafe X509_get_subject_name(self.pointer) else { return nil }
        let index = unsafe X509_NAME_get_index_by_NID(name, NID_commonName, -1)
        guard index >= 0, let entry = unsafe X509_NAME_get_entry(name, index) else { return nil }
        return unsafe Self.text(of: X509_NAME_ENTRY_get_data(entry))
    }

    /// SHA-256 of the DER form in lower-case hexadecimal digits.
    var fingerprint: String {
        var digest = [UInt8](repeating: 0, count: SHA256.byteCount)
        guard unsafe X509_digest(self.pointer, EVP_sha256(), &digest, nil) == 1 else { return "" }
        return Hexadecimal.encode(digest)
    }

    /// The serial number in lower-case hexadecimal digits.
    var serialNumber: String {
        Hexadecimal.encode(unsafe Self.bytes(of: X509_get0_serialNumber(self.pointer)))
    }

    /// The first second of the validity, in Unix time.
    var validFrom: Int64 {
        unsafe Self.unixSeconds(X509_get0_notBefore(self.pointer))
    }

    /// The last second of the validity, in Unix time.
    var expiresAt: Int64 {
        unsafe Self.unixSeconds(X509_get0_notAfter(self.pointer))
    }

    /// Whether it may sign certificates (basicConstraints, RFC 5280 section 4.2.1.9).
    var isAuthority: Bool {
        unsafe X509_check_ca(self.pointer) == 1
    }

    /// The subject alternative names of the kinds that we know, in their order. A name with a NUL in it is left out: it is an attempt to
    /// look like another one to programs that end a text there.
    var subjectAlternativeNames: [SubjectAlternativeName] {
        guard let names = unsafe X509_get_ext_d2i(self.pointer, NID_subject_alt_name, nil, nil) else { return [] }
        let stack = OpaquePointer(names)
        defer {
            unsafe OPENSSL_sk_pop_free(stack) { name in
                unsafe GENERAL_NAME_free(name?.assumingMemoryBound(to: GENERAL_NAME.self))
            }
        }
        var found: [SubjectAlternativeName] = []
        for index in 0..<max(0, unsafe OPENSSL_sk_num(stack)) {
            guard let element = unsafe OPENSSL_sk_value(stack, index) else { continue }
            var kind: Int32 = 0
            let value = unsafe GENERAL_NAME_get0_value(element.assumingMemoryBound(to: GENERAL_NAME.self), &kind)
            guard let string = unsafe value?.assumingMemoryBound(to: ASN1_STRING.self) else { continue }
            let bytes = unsafe Self.bytes(of: string)
            switch kind {
            case GEN_DNS: if let text = Self.plainText(bytes) { found.append(.dns(text)) }
            case GEN_URI: if let text = Self.plainText(bytes) { found.append(.uri(text)) }
            case GEN_IPADD: if let text = Self.address(bytes) { found.append(.ip(text)) }
            default: break
            }
        }
        return found
    }

    private static func plainText(_ bytes: [UInt8]) -> String? {
        guard bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func address(_ bytes: [UInt8]) -> String? {
        let family: Int32
        switch bytes.count {
        case 4: family = AF_INET
        case 16: family = AF_INET6
        default: return nil
        }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard unsafe inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func bytes(of string: UnsafePointer<ASN1_STRING>?) -> [UInt8] {
        guard let string = unsafe string, let data = unsafe ASN1_STRING_get0_data(string) else { return [] }
        return unsafe Array(UnsafeBufferPointer(start: data, count: max(0, Int(ASN1_STRING_length(string)))))
    }

    private static func text(of string: UnsafePointer<ASN1_STRING>?) -> String? {
        var converted: UnsafeMutablePointer<UInt8>?
        let length = unsafe ASN1_STRING_to_UTF8(&converted, string)
        guard length >= 0, let data = unsafe converted else { return nil }
        defer { unsafe CRYPTO_free(data, nil, 0) }
        return unsafe String(decoding: UnsafeBufferPointer(start: data, count: Int(length)), as: UTF8.self)
    }

    private static func unixSeconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var parts = unsafe tm()
        guard unsafe time != nil, unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return 0 }
        return unsafe Int64(timegm(&parts))
    }
}
