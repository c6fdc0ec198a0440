// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a certificate says, without a judgement whether it can be trusted.
public struct CertificateDetails: Sendable, Equatable {
    /// The subject's common name.
    public let commonName: String?
    /// The URIs among the subject alternative names: the role of a controller.
    public let uris: [String]
    /// The DNS names among the subject alternative names.
    public let dnsNames: [String]
    /// The addresses among the subject alternative names.
    public let ipAddresses: [String]
    /// The serial number in lower-case hexadecimal digits.
    public let serialNumber: String
    /// SHA-256 of the certificate in lower-case hexadecimal digits.
    public let fingerprint: String
    /// The first second of its validity, in Unix time.
    public let validFrom: Int64
    /// The last second of its validity, in Unix time.
    public let expiresAt: Int64
    /// Whether it may sign other certificates.
    public let isAuthority: Bool

    /// Reads the first certificate of a text in PEM form.
    ///
    /// - Throws: ``OpenSSLError`` `invalidCertificate`.
    public init(pem: String) throws {
        guard let first = try PEM.certificates(in: pem, what: "the certificate").first else {
            throw OpenSSLError(.invalidCertificate, "no certificate in the text")
        }
        self.init(first)
    }

    init(_ certificate: X509Certificate) {
        var uris: [String] = []
        var dnsNames: [String] = []
        var ipAddresses: [String] = []
        for name in certificate.subjectAlternativeNames {
            switch name {
            case .uri(let text): uris.append(text)
            case .dns(let text): dnsNames.append(text)
            case .ip(let text): ipAddresses.append(text)
            }
        }
        self.commonName = certificate.commonName
        self.uris = uris
        self.dnsNames = dnsNames
        self.ipAddresses = ipAddresses
        self.serialNumber = certificate.serialNumber
        self.fingerprint = certificate.fingerprint
        self.validFrom = certificate.validFrom
        self.expiresAt = certificate.expiresAt
        self.isAuthority = certificate.isAuthority
    }
}
