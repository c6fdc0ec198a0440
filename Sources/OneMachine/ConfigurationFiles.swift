// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// Writes the daemons' configuration; the templates in `cluster-configs/one-machine` explain every key.
struct ConfigurationFiles: Sendable {
    let layout: StateLayout
    let certificates: Certificates

    var regiond: String { "\(self.layout.configuration)/regiond.yaml" }
    var rackd: String { "\(self.layout.configuration)/rackd.yaml" }

    func write(region: String, rack: String, database: String, regionAddress: String, httpPort: Int) throws {
        try FileManager.default.createDirectory(atPath: self.layout.configuration, withIntermediateDirectories: true)
        try SecretFile.write(
            """
            system_id: \(region)
            database: "\(database)"
            secret_key_file: "\(self.layout.secretKey)"
            images_directory: "\(self.layout.regionImages)"
            http: {host: 0.0.0.0, port: \(httpPort)}
            rack_http: {host: "\(regionAddress)", port: 5443}
            cluster: {host: "\(regionAddress)", port: 5250}
            \(self.tls("region"))

            """,
            to: self.regiond
        )
        try SecretFile.write(
            """
            system_id: \(rack)
            regions: {hosts: ["\(regionAddress)"], cluster_port: 5250, http_port: 5443}
            state_directory: "\(self.layout.rackState)"
            http_port: 5248
            \(self.tls("rack"))

            """,
            to: self.rackd
        )
    }

    private func tls(_ name: String) -> String {
        """
        tls:
          certificate_file: "\(self.certificates.certificate(name))"
          private_key_file: "\(self.certificates.key(name))"
          authority_file: "\(self.certificates.authority)"
        """
    }
}
