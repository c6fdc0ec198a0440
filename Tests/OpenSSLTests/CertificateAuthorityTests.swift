// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Testing

@testable import OpenSSL

struct CertificateAuthorityTests {
    @Test func `an authority comes back from its texts`() throws {
        let authority = try CertificateAuthority.create(commonName: "Gantry test", years: 2)
        let loaded = try CertificateAuthority(certificatePEM: authority.certificatePEM, privateKeyPEM: authority.privateKeyPEM)
        #expect(loaded.fingerprint == authority.fingerprint && loaded.fingerprint.utf8.count == 64)
        let details = try CertificateDetails(pem: authority.certificatePEM)
        #expect(details.commonName == "Gantry test" && details.isAuthority)
        #expect(details.expiresAt - details.validFrom == 2 * 365 * 86400 + 3600)
    }

    @Test func `a certificate says what was asked for`() throws {
        let authority = try CertificateAuthority.create(commonName: "Gantry test")
        let issued = try authority.issue(
            commonName: "räck 1",
            subjectAlternativeNames: [.uri("gantry:rack:abc123"), .dns("rack1.example.com"), .ip("192.0.2.1"), .ip("2001:db8::1")],
            validity: .seconds(3600))
        let details = try CertificateDetails(pem: issued.certificatePEM)
        #expect(details.commonName == "räck 1" && !details.isAuthority)
        #expect(details.uris == ["gantry:rack:abc123"])
        #expect(details.dnsNames == ["rack1.example.com"])
        #expect(details.ipAddresses == ["192.0.2.1", "2001:db8::1"])
        #expect(details.serialNumber == issued.serialNumber && details.serialNumber.utf8.count == 32)
        #expect(details.expiresAt == issued.expiresAt && details.expiresAt - details.validFrom == 7200)
        _ = try TLSIdentity(issued, trustedAuthorityPEM: authority.certificatePEM)
    }

    @Test func `no certificate outlives its authority`() throws {
        let authority = try CertificateAuthority.create(commonName: "Gantry test", years: 1)
        let issued = try authority.issue(commonName: "x", subjectAlternativeNames: [.dns("x")], validity: .seconds(5 * 365 * 86400))
        #expect(issued.expiresAt == (try CertificateDetails(pem: authority.certificatePEM)).expiresAt)
    }

    @Test func `a name cannot smuggle in another`() throws {
        let authority = try CertificateAuthority.create(commonName: "Gantry test")
        let issued = try authority.issue(
            commonName: "x,O=y", subjectAlternativeNames: [.dns("a,DNS:b"), .uri("c,URI:d")], validity: .seconds(60))
        let details = try CertificateDetails(pem: issued.certificatePEM)
        #expect(details.dnsNames == ["a,DNS:b"] && details.uris == ["c,URI:d"] && details.commonName == "x,O=y")
    }

    @Test func `values out of range are refused by name`() throws {
        let authority = try CertificateAuthority.create(commonName: "Gantry test")
        #expect(throws: OpenSSLError(.invalidArgument, "")) { try CertificateAuthority.create(commonName: "x", years: 0) }
        #expect(throws: OpenSSLError(.invalidArgument, "")) { try CertificateAuthority.create(commonName: "x", years: 51) }
        #expect(throws: OpenSSLError(.invalidArgument, "")) { try CertificateAuthority.create(commonName: "") }
        #expect(throws: OpenSSLError(.invalidArgument, "")) {
            try CertificateAuthority.create(commonName: String(repeating: "x", count: 65))
        }
        let names: [[SubjectAlternativeName]] = [
            [], [.dns("")], [.dns("a\0b")], [.dns("ä")], [.dns(String(repeating: "a", count: 254))], [.uri("")], [.uri("a b")],
            [.ip("1.2.3")], [.ip("1.2.3.4\0")], [.ip("")],
        ]
        for names in names {
            #expect(throws: OpenSSLError(.invalidArgument, "")) {
                try authority.issue(commonName: "x", subjectAlternativeNames: names, validity: .seconds(60))
            }
        }
        for validity in [Duration.zero, .seconds(-1), .seconds(Int64.max)] {
            #expect(throws: OpenSSLError(.invalidArgument, "")) {
                try authority.issue(commonName: "x", subjectAlternativeNames: [.dns("x")], validity: validity)
            }
        }
    }

    @Test func `texts that are no certificates or keys are refused`() throws {
        let authority = try CertificateAuthority.create(commonName: "Gantry test")
        let other = try CertificateAuthority.create(commonName: "Other")
        let issued = try authority.issue(commonName: "x", subjectAlternativeNames: [.dns("x")], validity: .seconds(60))
        #expect(throws: OpenSSLError(.invalidKey, "")) {
            try CertificateAuthority(certificatePEM: authority.certificatePEM, privateKeyPEM: other.privateKeyPEM)
        }
        #expect(throws: OpenSSLError(.invalidCertificate, "")) {
            try CertificateAuthority(certificatePEM: issued.certificatePEM, privateKeyPEM: issued.privateKeyPEM)
        }
        #expect(throws: OpenSSLError(.invalidCertificate, "")) {
            try TLSIdentity(issued, trustedAuthorityPEM: issued.certificatePEM)
        }
        #expect(throws: OpenSSLError(.invalidKey, "")) {
            try TLSIdentity(
                certificateChainPEM: issued.certificatePEM, privateKeyPEM: authority.privateKeyPEM,
                trustedAuthorityPEM: authority.certificatePEM)
        }
        for text in ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", issued.privateKeyPEM] {
            #expect(throws: OpenSSLError(.invalidCertificate, "")) { try CertificateDetails(pem: text) }
        }
        #expect(throws: OpenSSLError(.limitExceeded, "")) { try CertificateDetails(pem: String(repeating: "x", count: 300_000)) }
    }

    @Test func `a certificate cut anywhere is refused, not fatal`() throws {
        let authority = try CertificateAuthority.create(commonName: "Gantry test")
        let text = authority.certificatePEM.utf8
        for count in stride(from: 0, to: text.count - 2, by: 7) {
            #expect(throws: OpenSSLError(.invalidCertificate, "")) {
                try CertificateDetails(pem: String(decoding: text.prefix(count), as: UTF8.self))
            }
        }
    }

    @Test func `a key with a password is refused without asking for it`() throws {
        let text = """
            -----BEGIN ENCRYPTED PRIVATE KEY-----
            MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgx1GoUnDCPAgICCAAw
            DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEF0XK0VSdyvPbGhlAAAAAAAEgZAA
            -----END ENCRYPTED PRIVATE KEY-----
            """
        #expect(throws: OpenSSLError(.invalidKey, "")) { try PEM.privateKey(in: text, what: "the key") }
    }

    @Test func `keys are not in descriptions or dumps`() throws {
        let authority = try CertificateAuthority.create(commonName: "Gantry test")
        let issued = try authority.issue(commonName: "x", subjectAlternativeNames: [.uri("gantry:rack:x")], validity: .seconds(60))
        let identity = try TLSIdentity(issued, trustedAuthorityPEM: authority.certificatePEM)
        var text = "\(authority) \(issued) \(identity)"
        dump(authority, to: &text)
        dump(issued, to: &text)
        dump(identity, to: &text)
        #expect(!text.contains("PRIVATE"))
        #expect("\(identity)" == "TLSIdentity(gantry:rack:x)")
    }

    @Test func `the openssl program accepts our certificates, also under its strict rules`() async throws {
        let authority = try CertificateAuthority.create(commonName: "Gantry test")
        let issued = try authority.issue(
            commonName: "rack", subjectAlternativeNames: [.uri("gantry:rack:abc"), .dns("localhost")], validity: .seconds(3600))
        try await Files.with(["ca.pem": authority.certificatePEM, "leaf.pem": issued.certificatePEM, "key.pem": issued.privateKeyPEM]) {
            folder in
            for purpose in ["sslserver", "sslclient"] {
                let verdict = try await OpenSSLProgram.run(
                    ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", "\(folder)/ca.pem", "\(folder)/leaf.pem"])
                #expect(verdict.contains("leaf.pem: OK"), "\(verdict)")
            }
            let text = try await OpenSSLProgram.run(["x509", "-in", "\(folder)/leaf.pem", "-noout", "-text"])
            #expect(text.contains("URI:gantry:rack:abc, DNS:localhost"))
            #expect(text.contains("TLS Web Server Authentication, TLS Web Client Authentication"))
            #expect(try await OpenSSLProgram.run(["ec", "-in", "\(folder)/key.pem", "-noout", "-check"]).contains("valid"))
        }
    }
}
