// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// A name that a certificate is valid for (RFC 5280 section 4.2.1.6).
public enum SubjectAlternativeName: Sendable, Hashable {
    /// A DNS name, which may start with `*.`.
    case dns(String)
    /// An IPv4 or IPv6 address in its text form.
    case ip(String)
    /// A URI. Our controllers' roles are URIs such as `gantry:rack:abc123`.
    case uri(String)
}

/// What a certificate may be used for (RFC 5280 section 4.2.1.12).
public enum CertificatePurpose: Sendable, Hashable, CaseIterable {
    /// To answer TLS connections.
    case server
    /// To open TLS connections with a certificate.
    case client
}

/// A certificate and its private key, just made by a ``CertificateAuthority``.
public struct IssuedCertificate: Sendable, CustomStringConvertible, CustomReflectable {
    /// The certificate, one PEM block.
    public let certificatePEM: String
    /// Its key, one PEM block without a password. A secret.
    public let privateKeyPEM: String
    /// The certificate's serial number in lower-case hexadecimal digits.
    public let serialNumber: String
    /// The last second of its validity, in Unix time.
    public let expiresAt: Int64

    /// The serial number, never the key.
    public var description: String { "IssuedCertificate(\(self.serialNumber))" }
    /// Hides the key from dumps.
    public var customMirror: Mirror { Mirror(self, children: ["serialNumber": self.serialNumber]) }
}

/// Our own certificate authority: one self-signed P-256 certificate that signs the controllers' certificates directly.
///
/// Certificates are valid from one hour before they are made, because the clocks of racks that have just started differ.
public final class CertificateAuthority: Sendable, CustomStringConvertible, CustomReflectable {
    /// How far before its making a certificate is valid, in seconds.
    static let backdatingSeconds: Int64 = 3600
    /// The longest validity, in years.
    static let maximumYears = 50

    /// The authority's certificate, one PEM block: what the peers trust.
    public let certificatePEM: String
    /// The authority's key. A secret: it is stored sealed.
    public let privateKeyPEM: String
    /// SHA-256 of the certificate in lower-case hexadecimal digits, for people to compare.
    public let fingerprint: String

    private let certificate: X509Certificate
    private let key: PrivateKey

    /// Loads an authority.
    ///
    /// - Throws: ``OpenSSLError`` `invalidCertificate` when the certificate may not sign others, `invalidKey` when the key is not its key.
    public init(certificatePEM: String, privateKeyPEM: String) throws {
        let certificates = try PEM.certificates(in: certificatePEM, what: "the authority's certificate")
        guard let certificate = certificates.first, certificates.count == 1, certificate.isAuthority else {
            throw OpenSSLError(.invalidCertificate, "expected one certificate of an authority")
        }
        let key = try PEM.privateKey(in: privateKeyPEM, what: "the authority's key")
        guard key.belongs(to: certificate) else {
            throw OpenSSLError(.invalidKey, "the authority's key does not belong to its certificate")
        }
        self.certificate = certificate
        self.key = key
        self.certificatePEM = try PEM.text(of: certificate)
        self.privateKeyPEM = try PEM.text(of: key)
        self.fingerprint = certificate.fingerprint
    }

    /// Makes a new authority, valid for `years` (1 to 50).
    ///
    /// - Throws: ``OpenSSLError`` `invalidArgument` when a value is out of range.
    public static func create(commonName: String, years: Int = 10) throws -> CertificateAuthority {
        guard (1...Self.maximumYears).contains(years) else {
            throw OpenSSLError(.invalidArgument, "years is \(years), expected 1...\(Self.maximumYears)")
        }
        let key = try PrivateKey.generate()
        let builder = try CertificateBuilder(key: key, commonName: commonName, validitySeconds: Int64(years) * 365 * 86400, authority: nil)
        try builder.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
        try builder.add(NID_key_usage, "critical,keyCertSign,cRLSign")
        try builder.add(NID_subject_key_identifier, "hash")
        let certificate = try builder.sign(with: key)
        return try CertificateAuthority(certificatePEM: PEM.text(of: certificate), privateKeyPEM: PEM.text(of: key))
    }

    /// Issues a certificate with a new P-256 key.
    ///
    /// - Parameters:
    ///   - commonName: for people; at most 64 characters.
    ///   - subjectAlternativeNames: what the certificate is valid for, at least one; a role is `.uri("gantry:rack:abc123")`.
    ///   - validity: from now; cut to the end of the authority's own.
    ///   - purposes: what it may be used for; both unless told.
    /// - Throws: ``OpenSSLError`` `invalidArgument` naming the value, `openSSLFailure`.
    public func issue(
        commonName: String, subjectAlternativeNames: [SubjectAlternativeName], validity: Duration,
        purposes: Set<CertificatePurpose> = [.server, .client]
    ) throws -> IssuedCertificate {
        let seconds = validity.components.seconds
        guard seconds > 0, seconds <= Int64(Self.maximumYears) * 366 * 86400 else {
            throw OpenSSLError(.invalidArgument, "a validity of \(seconds) s, expected 1 s to \(Self.maximumYears) years")
        }
        guard !subjectAlternativeNames.isEmpty, subjectAlternativeNames.count <= 64, !purposes.isEmpty else {
            throw OpenSSLError(.invalidArgument, "a certificate needs 1 to 64 names and a purpose")
        }
        let key = try PrivateKey.generate()
        let builder = try CertificateBuilder(key: key, commonName: commonName, validitySeconds: seconds, authority: self.certificate)
        try builder.add(NID_basic_constraints, "critical,CA:FALSE")
        try builder.add(NID_key_usage, "critical,digitalSignature")
        let usage = CertificatePurpose.allCases.filter(purposes.contains).map { $0 == .server ? "serverAuth" : "clientAuth" }
        try builder.add(NID_ext_key_usage, usage.joined(separator: ","))
        try builder.add(NID_subject_key_identifier, "hash")
        try builder.add(NID_authority_key_identifier, "keyid:always")
        try builder.add(subjectAlternativeNames)
        let certificate = try builder.sign(with: self.key)
        return IssuedCertificate(
            certificatePEM: try PEM.text(of: certificate), privateKeyPEM: try PEM.text(of: key),
            serialNumber: certificate.serialNumber, expiresAt: certificate.expiresAt)
    }

    /// The fingerprint, never the key.
    public var description: String { "CertificateAuthority(\(self.fingerprint))" }
    /// Hides the key from dumps.
    public var customMirror: Mirror { Mirror(self, children: ["fingerprint": self.fingerprint]) }
}
