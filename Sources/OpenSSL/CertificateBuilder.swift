// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// A certificate that is being written (RFC 5280).
@safe struct CertificateBuilder {
    private let certificate: X509Certificate
    private let issuer: X509Certificate
    private var pointer: OpaquePointer { unsafe self.certificate.pointer }

    /// Starts a version 3 certificate for a key, with a random serial number, to be signed by an authority, or by its own key when there is
    /// none. The validity is cut to the authority's.
    init(key: PrivateKey, commonName: String, validitySeconds: Int64, authority: X509Certificate?) throws {
        ErrorQueue.clear()
        guard (1...64).contains(commonName.unicodeScalars.count) else {
            throw OpenSSLError(.invalidArgument, "the common name \"\(commonName)\" is not of 1 to 64 characters")
        }
        guard let pointer = unsafe X509_new() else { throw OpenSSLError.fromQueue(.openSSLFailure, "X509_new") }
        self.certificate = unsafe X509Certificate(taking: pointer)
        self.issuer = authority ?? self.certificate
        try Self.require(unsafe X509_set_version(pointer, 2), "X509_set_version")
        try Self.require(unsafe X509_set_pubkey(pointer, key.pointer), "X509_set_pubkey")
        try Self.setSerialNumber(of: self.certificate)
        let notBefore = unsafe X509_gmtime_adj(X509_getm_notBefore(pointer), Int(-CertificateAuthority.backdatingSeconds))
        let notAfter = unsafe X509_gmtime_adj(X509_getm_notAfter(pointer), Int(validitySeconds))
        guard unsafe notBefore != nil, unsafe notAfter != nil else { throw OpenSSLError.fromQueue(.openSSLFailure, "X509_gmtime_adj") }
        let name = unsafe X509_get_subject_name(pointer)
        let text = Array(commonName.utf8)
        guard unsafe X509_NAME_add_entry_by_NID(name, NID_commonName, Self.utf8, text, Int32(text.count), -1, 0) == 1 else {
            throw OpenSSLError.fromQueue(.invalidArgument, "the common name \"\(commonName)\"")
        }
        try Self.require(unsafe X509_set_issuer_name(pointer, X509_get_subject_name(self.issuer.pointer)), "X509_set_issuer_name")
        if let authority, authority.expiresAt < self.certificate.expiresAt {
            try Self.require(unsafe X509_set1_notAfter(pointer, X509_get0_notAfter(authority.pointer)), "X509_set1_notAfter")
        }
    }

    /// `MBSTRING_UTF8`, which is a macro call.
    private static let utf8: Int32 = 0x1000

    /// 16 random bytes, the first bit clear so that the number is positive and the second set so that it is never short.
    private static func setSerialNumber(of certificate: X509Certificate) throws {
        var serial = SecureRandom.bytes(16)
        serial[0] = serial[0] & 0x7f | 0x40
        guard let number = unsafe X509_get_serialNumber(certificate.pointer) else {
            throw OpenSSLError.fromQueue(.openSSLFailure, "X509_get_serialNumber")
        }
        try Self.require(unsafe ASN1_STRING_set(number, serial, Int32(serial.count)), "ASN1_STRING_set")
    }

    /// Adds an extension in OpenSSL's configuration syntax. Only for texts of ours: a text from outside could add what it likes.
    func add(_ identifier: Int32, _ value: StaticString) throws {
        try self.add(identifier, value.description)
    }

    /// Adds the extended key usages, which this module put together.
    func add(_ identifier: Int32, _ value: String) throws {
        var context = unsafe X509V3_CTX()
        unsafe X509V3_set_ctx(&context, self.issuer.pointer, self.pointer, nil, nil, 0)
        guard let part = unsafe X509V3_EXT_conf_nid(nil, &context, identifier, value) else {
            throw OpenSSLError.fromQueue(.openSSLFailure, "the extension \(value)")
        }
        defer { unsafe X509_EXTENSION_free(part) }
        try Self.require(unsafe X509_add_ext(self.pointer, part, -1), "X509_add_ext")
    }

    /// Adds the names that the certificate is valid for, value by value, so that no name can smuggle in another.
    func add(_ names: [SubjectAlternativeName]) throws {
        guard let stack = unsafe OPENSSL_sk_new_null() else { throw OpenSSLError.fromQueue(.openSSLFailure, "OPENSSL_sk_new_null") }
        defer {
            unsafe OPENSSL_sk_pop_free(stack) { name in
                unsafe GENERAL_NAME_free(name?.assumingMemoryBound(to: GENERAL_NAME.self))
            }
        }
        for name in names {
            let (kind, value) = unsafe try Self.value(of: name)
            guard let element = unsafe GENERAL_NAME_new() else {
                unsafe ASN1_STRING_free(value)
                throw OpenSSLError.fromQueue(.openSSLFailure, "GENERAL_NAME_new")
            }
            unsafe GENERAL_NAME_set0_value(element, kind, value)
            guard unsafe OPENSSL_sk_push(stack, element) > 0 else {
                unsafe GENERAL_NAME_free(element)
                throw OpenSSLError.fromQueue(.openSSLFailure, "OPENSSL_sk_push")
            }
        }
        let result = unsafe X509_add1_ext_i2d(self.pointer, NID_subject_alt_name, UnsafeMutableRawPointer(stack), 0, 0)
        try Self.require(result, "X509_add1_ext_i2d")
    }

    private static func value(of name: SubjectAlternativeName) throws -> (Int32, UnsafeMutablePointer<ASN1_STRING>) {
        switch name {
        case .dns(let text): return unsafe (GEN_DNS, try Self.string(text, maximum: 253, what: "DNS name"))
        case .uri(let text): return unsafe (GEN_URI, try Self.string(text, maximum: 512, what: "URI"))
        case .ip(let text):
            guard !text.utf8.contains(0), let value = unsafe a2i_IPADDRESS(text) else {
                ErrorQueue.clear()
                throw OpenSSLError(.invalidArgument, "\"\(text)\" is not an IP address")
            }
            return unsafe (GEN_IPADD, value)
        }
    }

    private static func string(_ text: String, maximum: Int, what: String) throws -> UnsafeMutablePointer<ASN1_STRING> {
        let bytes = Array(text.utf8)
        guard (1...maximum).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw OpenSSLError(.invalidArgument, "the \(what) \"\(text)\" is not 1 to \(maximum) visible ASCII characters")
        }
        guard let value = unsafe ASN1_STRING_type_new(V_ASN1_IA5STRING) else {
            throw OpenSSLError.fromQueue(.openSSLFailure, "ASN1_STRING_type_new")
        }
        guard unsafe ASN1_STRING_set(value, bytes, Int32(bytes.count)) == 1 else {
            unsafe ASN1_STRING_free(value)
            throw OpenSSLError.fromQueue(.openSSLFailure, "ASN1_STRING_set")
        }
        return unsafe value
    }

    /// Signs with ECDSA and SHA-256 and gives the finished certificate away.
    consuming func sign(with key: PrivateKey) throws -> X509Certificate {
        guard unsafe X509_sign(self.pointer, key.pointer, EVP_sha256()) > 0 else {
            throw OpenSSLError.fromQueue(.openSSLFailure, "X509_sign")
        }
        return self.certificate
    }

    private static func require(_ result: Int32, _ operation: String) throws {
        guard result == 1 else { throw OpenSSLError.fromQueue(.openSSLFailure, operation) }
    }
}
