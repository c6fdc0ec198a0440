// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Who we are towards TLS peers, and whom we trust: a certificate chain with its key, and the authorities that peers must be signed by.
public struct TLSIdentity: Sendable, CustomStringConvertible, CustomReflectable {
    /// What our own certificate says.
    public let details: CertificateDetails

    let chain: [X509Certificate]
    let key: PrivateKey
    let authorities: [X509Certificate]

    /// An identity from texts in PEM form. The chain starts with our own certificate; several trusted authorities may follow each other,
    /// which is how an authority is replaced.
    ///
    /// - Throws: ``OpenSSLError`` `invalidCertificate`, or `invalidKey` when the key does not belong to the first certificate.
    public init(certificateChainPEM: String, privateKeyPEM: String, trustedAuthorityPEM: String) throws {
        (self.chain, self.key) = try Self.chainAndKey(certificateChainPEM: certificateChainPEM, privateKeyPEM: privateKeyPEM)
        self.authorities = try Self.authorities(in: trustedAuthorityPEM)
        self.details = CertificateDetails(self.chain[0])
    }

    /// An identity from files in PEM form.
    ///
    /// - Throws: ``OpenSSLError`` `fileFailure`, or what the other initializer throws.
    public init(certificateFile: String, privateKeyFile: String, authorityFile: String) throws {
        try self.init(
            certificateChainPEM: PEM.load(path: certificateFile), privateKeyPEM: PEM.load(path: privateKeyFile),
            trustedAuthorityPEM: PEM.load(path: authorityFile))
    }

    /// The identity that a certificate just issued gives.
    public init(_ issued: IssuedCertificate, trustedAuthorityPEM: String) throws {
        try self.init(
            certificateChainPEM: issued.certificatePEM, privateKeyPEM: issued.privateKeyPEM, trustedAuthorityPEM: trustedAuthorityPEM)
    }

    /// The certificate's names, never the key.
    public var description: String { "TLSIdentity(\(self.details.uris.first ?? self.details.commonName ?? self.details.fingerprint))" }
    /// Hides the key from dumps.
    public var customMirror: Mirror { Mirror(self, children: ["details": self.details]) }

    /// At least one certificate, and the key of the first.
    static func chainAndKey(certificateChainPEM: String, privateKeyPEM: String) throws -> ([X509Certificate], PrivateKey) {
        let chain = try PEM.certificates(in: certificateChainPEM, what: "the certificate chain")
        let key = try PEM.privateKey(in: privateKeyPEM, what: "the private key")
        guard let leaf = chain.first, key.belongs(to: leaf) else {
            throw OpenSSLError(.invalidKey, "the private key does not belong to the first certificate of the chain")
        }
        return (chain, key)
    }

    static func authorities(in text: String) throws -> [X509Certificate] {
        let authorities = try PEM.certificates(in: text, what: "the trusted authority")
        guard authorities.allSatisfy({ $0.isAuthority }) else {
            throw OpenSSLError(.invalidCertificate, "a trusted certificate may not sign others: expected an authority's")
        }
        return authorities
    }
}
