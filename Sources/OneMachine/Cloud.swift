// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import APIClient
internal import Domain
internal import JSON
public import Lab
public import Logging

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// The whole cloud on one machine: Postgres, one region, one rack, and a lab of virtual machines.
public struct Cloud: Sendable {
    public let layout: StateLayout
    /// The virtual machines and their network.
    public let lab: Lab
    let programs: String
    let httpPort: Int
    let progress: any Progress
    let logger: Logger

    static let region = "regn34"
    static let rack = "rack34"

    /// - Parameters:
    ///   - programs: the folder with `regiond` and `rackd`.
    ///   - lab: the lab; clouds beside each other need prefixes and uplink networks of their own.
    ///   - httpPort: where the API is; clouds beside each other need ports of their own.
    public init(
        layout: StateLayout, programs: String, lab: LabConfiguration, httpPort: Int = 5240, progress: any Progress, logger: Logger
    ) throws {
        self.layout = layout
        self.programs = programs
        self.httpPort = httpPort
        self.progress = progress
        self.logger = logger
        self.lab = try Lab(configuration: lab, logger: logger)
    }

    /// The root of the API, as `gantry login` takes it.
    public var url: String { "http://127.0.0.1:\(self.httpPort)/MAAS" }

    private var labConfiguration: LabConfiguration { self.lab.configuration }

    private var regiond: Daemon {
        let files = self.files
        return Daemon(name: "regiond", layout: self.layout, command: ["\(self.programs)/regiond", "--config", files.regiond])
    }

    private var rackd: Daemon {
        let command = self.lab.rackCommand(["\(self.programs)/rackd", "--config", self.files.rackd])
        return Daemon(name: "rackd", layout: self.layout, command: command)
    }

    private var certificates: Certificates { Certificates(layout: self.layout) }
    private var files: ConfigurationFiles { ConfigurationFiles(layout: self.layout, certificates: self.certificates) }
    private var postgres: PrivatePostgres { PrivatePostgres(layout: self.layout) }

    /// Starts everything that does not run yet; may be called again at any time.
    ///
    /// - Returns: the administrator's profile.
    public func up() async throws -> Profile {
        for folder in [self.layout.root, self.layout.secrets, self.layout.logs, self.layout.run, self.layout.rackState, self.layout.regionImages] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        try await Command.run(["chmod", "0700", self.layout.secrets])
        self.progress.step("starting PostgreSQL", fraction: 0.1)
        try await self.postgres.start()
        self.progress.step("starting the lab's network and virtual BMCs", fraction: 0.3)
        try await self.lab.up()
        let address = "\(self.labConfiguration.regionAddress)"
        try self.certificates.prepare(region: Self.region, rack: Self.rack, addresses: [address, "127.0.0.1"])
        try self.files.write(
            region: Self.region, rack: Self.rack, database: try self.postgres.url(), regionAddress: address, httpPort: self.httpPort
        )
        self.progress.step("starting the region controller", fraction: 0.5)
        let profile = try await self.administrator()
        try await self.regiond.start()
        let client = GantryClient(profile: profile)
        try await self.wait("the region controller", self.regiond) {
            _ = try await client.get("version/"); return true
        }
        self.progress.step("starting the rack controller", fraction: 0.7)
        try await self.rackd.start()
        try await self.wait("the rack controller", self.rackd) {
            (try await client.get("rackcontrollers/").arrayValue ?? []).contains { $0["system_id"]?.stringValue == Self.rack }
        }
        self.progress.step("describing the lab's network", fraction: 0.9)
        try await self.describeNetwork(client)
        self.progress.done("Gantry is up at \(self.url)")
        return profile
    }

    /// Stops everything; with `purge`, forgets everything too.
    public func down(purge: Bool) async throws {
        self.progress.step("stopping the controllers", fraction: 0.2)
        try await self.rackd.stop()
        try await self.regiond.stop()
        self.progress.step("stopping the lab", fraction: 0.5)
        try await self.lab.down()
        self.progress.step("stopping PostgreSQL", fraction: 0.8)
        try await self.postgres.stop()
        if purge { try FileManager.default.removeItem(atPath: self.layout.root) }
        self.progress.done(purge ? "everything is stopped and forgotten" : "everything is stopped; gantry up starts it again")
    }

    private func administrator() async throws -> Profile {
        if let key = try? String(contentsOfFile: self.layout.apiKey, encoding: .utf8) {  // not there yet: made below
            return try Profile(url: self.url, key: key.filter { !$0.isWhitespace })
        }
        let password = "\(self.layout.secrets)/admin-password"
        try await Command.run(["sh", "-c", "umask 077; head -c 18 /dev/urandom | base64 > '\(password)'"])
        let regiond = "'\(self.programs)/regiond' create-administrator --config '\(self.files.regiond)' --username admin --log-level error"
        let key = try await Command.run(["sh", "-c", "\(regiond) < '\(password)'"])
        try SecretFile.write(key, to: self.layout.apiKey)
        return try Profile(url: self.url, key: key.filter { !$0.isWhitespace })
    }

    private func wait(_ what: String, _ daemon: Daemon, until ready: () async throws -> Bool) async throws {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(120)
        var last = ""
        while clock.now < deadline {
            do {
                if try await ready() { return }
            } catch {
                last = "\(error)"
            }
            try await clock.sleep(for: .milliseconds(200))
        }
        throw OneMachineError("\(what) does not answer: \(last)\n\(daemon.lastWords)\nNext: read \(self.layout.log(daemon.name))")
    }

    /// Turns DHCP on for the lab's network, with a range for machines without an address of their own.
    private func describeNetwork(_ client: GantryClient) async throws {
        let cidr = "\(self.labConfiguration.network)"
        guard let subnet = (try await client.get("subnets/").arrayValue ?? []).first(where: { $0["cidr"]?.stringValue == cidr }),
            let id = subnet["id"]?.intValue, let vlan = subnet["vlan"]?["id"]?.intValue
        else { throw OneMachineError("the rack has no interface on \(cidr); see \(self.layout.log("rackd"))") }
        let ranges = try await client.get("ipranges/").arrayValue ?? []
        if !ranges.contains(where: { $0["subnet"]?["id"]?.intValue == id && $0["type"]?.stringValue == "dynamic" }) {
            let first = self.labConfiguration.network.address.rawValue
            _ = try await client.post(
                "ipranges/",
                [
                    ("type", "dynamic"), ("start_ip", "\(IPv4Address(rawValue: first + 100))"), ("end_ip", "\(IPv4Address(rawValue: first + 199))"),
                    ("subnet", "\(id)"), ("comment", "made by gantry up"),
                ])
        }
        _ = try await client.put("vlans/\(vlan)/", [("dhcp_on", "true"), ("primary_rack", Self.rack)])
    }

    /// Has the images of a stream imported, waiting until all are there.
    public func importImages(from stream: String, _ client: GantryClient) async throws {
        let sources = try await client.get("boot-sources/").arrayValue ?? []
        if !sources.contains(where: { $0["url"]?.stringValue == stream }) {
            let keyring = try Data(contentsOf: URL(filePath: "\(stream)/keyring.gpg")).base64EncodedString()
            _ = try await client.post("boot-sources/", [("url", stream), ("keyring_data", keyring)])
        }
        try await ImageImport(client: client, progress: self.progress).run()
    }
}
