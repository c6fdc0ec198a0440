// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import OpenSSL

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// The cluster's certificate authority and the controllers' certificates.
struct Certificates: Sendable {
    let layout: StateLayout

    func certificate(_ name: String) -> String { "\(self.layout.tls)/\(name).crt" }
    func key(_ name: String) -> String { "\(self.layout.tls)/\(name).key" }
    var authority: String { self.certificate("authority") }

    /// Makes what is missing.
    func prepare(region: String, rack: String, addresses: [String]) throws {
        try FileManager.default.createDirectory(atPath: self.layout.tls, withIntermediateDirectories: true)
        let authority = try self.loadOrCreateAuthority()
        try self.issue("region", role: "gantry:region:\(region)", addresses: addresses, by: authority)
        try self.issue("rack", role: "gantry:rack:\(rack)", addresses: [], by: authority)
    }

    private func loadOrCreateAuthority() throws -> CertificateAuthority {
        if FileManager.default.fileExists(atPath: self.authority) {
            return try CertificateAuthority(
                certificatePEM: String(contentsOfFile: self.authority, encoding: .utf8),
                privateKeyPEM: String(contentsOfFile: self.key("authority"), encoding: .utf8)
            )
        }
        let authority = try CertificateAuthority.create(commonName: "Gantry cluster authority")
        try SecretFile.write(authority.privateKeyPEM, to: self.key("authority"))
        try authority.certificatePEM.write(toFile: self.authority, atomically: true, encoding: .utf8)
        return authority
    }

    private func issue(_ name: String, role: String, addresses: [String], by authority: CertificateAuthority) throws {
        guard !FileManager.default.fileExists(atPath: self.certificate(name)) else { return }
        let names: [SubjectAlternativeName] = [.uri(role)] + addresses.map { .ip($0) }
        let issued = try authority.issue(commonName: name, subjectAlternativeNames: names, validity: .seconds(5 * 365 * 86400))
        try SecretFile.write(issued.privateKeyPEM, to: self.key(name))
        try issued.certificatePEM.write(toFile: self.certificate(name), atomically: true, encoding: .utf8)
    }
}
