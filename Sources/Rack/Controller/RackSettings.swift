// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import GantryConfiguration

/// What rackd has to be told; one YAML file. Every key with its meaning is in `cluster-configs/one-machine/rackd.yaml`.
public struct RackSettings: Sendable {
    /// This rack's identity, as in its certificate.
    public var systemID: String
    /// Addresses of regions; the rack keeps a link to one of them.
    public var regionHosts: [String]
    public var clusterPort: Int
    /// The port of the regions' listener for racks (mutual TLS).
    public var rackHTTPPort: Int
    public var certificateFile: String
    public var privateKeyFile: String
    public var authorityFile: String
    /// Caches and lease journals; all of it can be lost.
    public var stateDirectory: String
    /// What a new lease survives.
    public var leaseDurability: LeaseDurability
    /// The port of the HTTP service for machines.
    public var httpPort: Int
    /// The port where other racks say that they live, and what they have bound (mutual TLS).
    public var peerPort: Int
    /// The most that the image cache keeps. 64 GiB hold some forty releases with their ephemeral images.
    public var imageCacheBytes: Int64
    /// BMCs that are driven at the same time.
    public var powerThreads: Int
    /// How fast DHCP messages are answered, on each segment.
    public var dhcpLimits = DHCPLimits()

    /// Reads the file.
    ///
    /// - Throws: `ConfigurationError` naming file, key, value and what was expected.
    public init(file: String) throws {
        let reader = try ConfigurationReader(file: file)
        self.systemID = try reader.text("system_id")
        self.regionHosts = reader.list("regions.hosts")
        self.clusterPort = try reader.number("regions.cluster_port", 1...65535, default: 5250)
        self.rackHTTPPort = try reader.number("regions.http_port", 1...65535, default: 5443)
        self.certificateFile = try reader.text("tls.certificate_file")
        self.privateKeyFile = try reader.text("tls.private_key_file")
        self.authorityFile = try reader.text("tls.authority_file")
        self.stateDirectory = try reader.text("state_directory")
        let durability = try reader.text("lease_durability", default: LeaseDurability.process.rawValue)
        guard let leaseDurability = LeaseDurability(rawValue: durability) else {
            throw ConfigurationError(file: file, key: "lease_durability", message: "is '\(durability)'; expected process or disk")
        }
        self.leaseDurability = leaseDurability
        self.httpPort = try reader.number("http_port", 1...65535, default: 5248)
        self.peerPort = try reader.number("peer_port", 1...65535, default: 5251)
        self.imageCacheBytes = Int64(try reader.number("image_cache_gib", 1...1_048_576, default: 64)) << 30
        self.powerThreads = try reader.number("power_threads", 1...256, default: 8)
        let limits = self.dhcpLimits
        self.dhcpLimits.clientBurst = try reader.number("dhcp.client_burst", 1...10_000, default: limits.clientBurst)
        self.dhcpLimits.clientMessagesPerSecond = try reader.number(
            "dhcp.client_messages_per_second", 1...10_000, default: limits.clientMessagesPerSecond
        )
        self.dhcpLimits.segmentBurst = try reader.number("dhcp.segment_burst", 1...1_000_000, default: limits.segmentBurst)
        self.dhcpLimits.segmentMessagesPerSecond = try reader.number(
            "dhcp.segment_messages_per_second", 1...10_000_000, default: limits.segmentMessagesPerSecond
        )
        self.dhcpLimits.waiting = try reader.number("dhcp.waiting", 4...65_536, default: limits.waiting)
        guard !self.regionHosts.isEmpty else {
            throw ConfigurationError(file: file, key: "regions.hosts", message: "is missing; expected a list of addresses of region controllers")
        }
        try reader.refuseUnknownKeys()
    }
}
