// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import GantryConfiguration

/// What regiond has to be told; one YAML file. Every key with its meaning is in `cluster-configs/one-machine/regiond.yaml`.
public struct RegionConfiguration: Sendable {
    /// This region's identity, as in its certificate.
    public var systemID: String
    /// A libpq URL; several hosts are allowed.
    public var database: String
    /// The file with the key that seals secrets in the database; made when missing.
    public var secretKeyFile: String
    public var httpHost: String
    public var httpPort: Int
    /// The listener for racks (mutual TLS): forwarded requests and image files.
    public var rackHTTPHost: String
    public var rackHTTPPort: Int
    /// The listener for cluster links.
    public var clusterHost: String
    public var clusterPort: Int
    public var certificateFile: String
    public var privateKeyFile: String
    public var authorityFile: String
    /// Where imported images are kept; a cache of the boot sources.
    public var imagesDirectory: String
    public var databaseConnections: Int

    /// Reads the file.
    ///
    /// - Throws: `ConfigurationError` naming file, key, value and what was expected.
    public init(file: String) throws {
        let reader = try ConfigurationReader(file: file)
        self.systemID = try reader.text("system_id")
        self.database = try reader.text("database")
        self.secretKeyFile = try reader.text("secret_key_file")
        self.httpHost = try reader.text("http.host", default: "0.0.0.0")
        self.httpPort = try reader.number("http.port", 0...65535, default: 5240)
        self.rackHTTPHost = try reader.text("rack_http.host", default: "0.0.0.0")
        self.rackHTTPPort = try reader.number("rack_http.port", 0...65535, default: 5443)
        self.clusterHost = try reader.text("cluster.host", default: "0.0.0.0")
        self.clusterPort = try reader.number("cluster.port", 0...65535, default: 5250)
        self.certificateFile = try reader.text("tls.certificate_file")
        self.privateKeyFile = try reader.text("tls.private_key_file")
        self.authorityFile = try reader.text("tls.authority_file")
        self.imagesDirectory = try reader.text("images_directory")
        self.databaseConnections = try reader.number("database_connections", 2...512, default: 8)
        try reader.refuseUnknownKeys()
    }
}
