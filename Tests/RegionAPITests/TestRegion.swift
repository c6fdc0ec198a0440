// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import HTTPClient
import HTTPForms
import JSON
import Lifecycle
import Logging
import OpenSSL
import Postgres
import PostgresStorage
import RegionAPI
import Synchronization
import TestSupport

/// A real region API on loopback, over a real database of its own.
final class TestRegion: Sendable {
    let store: Store
    let server: RegionAPIServer
    let ports: RegionAPIPorts
    let client: HTTPClient
    let services: TestServices
    let admin: APIToken
    let folder: String
    let rules: LifecycleRules

    private init(
        store: Store, server: RegionAPIServer, ports: RegionAPIPorts, client: HTTPClient, services: TestServices, admin: APIToken, folder: String,
        rules: LifecycleRules
    ) {
        self.store = store
        self.server = server
        self.ports = ports
        self.client = client
        self.services = services
        self.admin = admin
        self.folder = folder
        self.rules = rules
    }

    /// Runs the body with a region that has one administrator `admin` with the password `secret`.
    ///
    /// - Parameter postgres: the server to make the database on; by default the one that all tests share.
    static func run(
        limits: RegionAPILimits = RegionAPILimits(), postgres: TestPostgres? = nil, _ body: (TestRegion) async throws -> Void
    ) async throws {
        let server: TestPostgres
        if let postgres { server = postgres } else { server = try await TestPostgres.shared() }
        try await Self.run(limits: limits, database: try await server.makeDatabase(), body)
    }

    private static func run(limits: RegionAPILimits, database url: String, _ body: (TestRegion) async throws -> Void) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let pool = try PostgresPool(PostgresConfiguration(url), logger: logger)
        let store = Store(pool: pool, secrets: try SecretBox(key: [UInt8](repeating: 7, count: 32)))
        try await store.migrate()
        let hash = try PasswordHash.make("secret")
        let admin = try await store.transaction { transaction in
            _ = try await transaction.insert(User(id: 0, username: "admin", email: "a@example.com", isSuperuser: true), passwordHash: hash)
            return try await transaction.createToken(user: "admin", name: "test")
        }
        let folder = try TestFolder()
        let authority = try CertificateAuthority.create(commonName: "test")
        try folder.write("ca.pem", authority.certificatePEM)
        let rack = try authority.issue(commonName: "rack", subjectAlternativeNames: [.uri("gantry:rack:abcdef")], validity: .seconds(3600))
        try folder.write("rack.pem", rack.certificatePEM)
        try folder.write("rack.key", rack.privateKeyPEM)
        let issued = try authority.issue(
            commonName: "region", subjectAlternativeNames: [.ip("127.0.0.1"), .uri("gantry:region:abcdeg")], validity: .seconds(3600)
        )
        let identity = try TLSIdentity(
            certificateChainPEM: issued.certificatePEM, privateKeyPEM: issued.privateKeyPEM, trustedAuthorityPEM: authority.certificatePEM
        )
        let configuration = RegionAPIConfiguration(
            address: "127.0.0.1", port: 0,
            rackListener: .init(address: "127.0.0.1", port: 0, context: try TLSContext.mutualServer(identity: identity)), limits: limits
        )
        let services = TestServices(folder: folder.path)
        let server = RegionAPIServer(configuration: configuration, store: store, services: services, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let ports = try await server.waitUntilListening()
            let region = TestRegion(
                store: store, server: server, ports: ports, client: HTTPClient(), services: services, admin: admin, folder: folder.path,
                rules: LifecycleRules()
            )
            do {
                try await body(region)
            } catch {
                group.cancelAll()
                await pool.shutdown()
                throw error
            }
            group.cancelAll()
        }
        await pool.shutdown()
    }

    // MARK: requests

    func url(_ path: String) -> String { "http://127.0.0.1:\(self.ports.plain)\(path)" }

    static func oauth(_ token: APIToken) -> String {
        let signature = PercentCoding.encode("&\(token.tokenSecret)")
        return "OAuth oauth_nonce=\"1\", oauth_timestamp=\"1700000000\", oauth_version=\"1.0\", oauth_signature_method=\"PLAINTEXT\", "
            + "oauth_consumer_key=\"\(token.consumerKey)\", oauth_token=\"\(token.tokenKey)\", oauth_signature=\"\(signature)\""
    }

    /// A request of the API as the administrator; `path` is below `/MAAS/api/2.0/`.
    func api(_ method: String, _ path: String, _ fields: [(String, String)] = [], as token: APIToken? = nil, anonymous: Bool = false) async throws
        -> HTTPResponse
    {
        var headers = anonymous ? [] : [HTTPHeader("Authorization", Self.oauth(token ?? self.admin))]
        var url = self.url("/MAAS/api/2.0/\(path)")
        var body: [UInt8]?
        if method == "GET" || method == "DELETE" {
            if !fields.isEmpty { url += (path.contains("?") ? "&" : "?") + URLEncodedForm.encode(fields) }
        } else {
            headers.append(HTTPHeader("Content-Type", "application/x-www-form-urlencoded"))
            body = Array(URLEncodedForm.encode(fields).utf8)
        }
        return try await self.client.send(HTTPRequest(method: method, url: url, headers: headers, body: body))
    }

    /// The JSON of a successful call.
    func json(_ method: String, _ path: String, _ fields: [(String, String)] = [], as token: APIToken? = nil) async throws -> JSONValue {
        let response = try await self.api(method, path, fields, as: token)
        guard response.status == 200 || response.status == 201 else { throw UnexpectedStatus(response, "\(method) \(path)") }
        return try JSONValue(parsing: response.body)
    }

    /// A request as a rack forwards it for a machine.
    func forwarded(
        _ method: String, _ path: String, for address: String, token: APIToken? = nil, contentType: String? = nil, body: [UInt8]? = nil
    ) async throws -> HTTPResponse {
        var headers = [HTTPHeader("X-Forwarded-For", address), HTTPHeader("X-Gantry-Service", "http://10.0.0.1:5248")]
        if let token { headers.append(HTTPHeader("Authorization", Self.oauth(token))) }
        if let contentType { headers.append(HTTPHeader("Content-Type", contentType)) }
        var request = HTTPRequest(
            method: method, url: "https://127.0.0.1:\(self.ports.rack ?? 0)\(path)", headers: headers, body: body,
            certificateAuthorities: "\(self.folder)/ca.pem"
        )
        request.clientCertificate = ClientCertificate(certificateFile: "\(self.folder)/rack.pem", privateKeyFile: "\(self.folder)/rack.key")
        return try await self.client.send(request)
    }

    // MARK: what the rest of a region does

    /// Reports an observation, as a reconciler does.
    func observe(_ observation: MachineObservation, of id: SystemID) async throws {
        let now = RegionAPIServer.wallClock()
        try await self.store.transaction { transaction in
            guard var machine = try await transaction.lockMachine(id) else { return }
            let events = self.rules.observe(observation, of: &machine, now: now)
            try await transaction.update(machine)
            try await transaction.append(events)
        }
    }

    func machine(_ id: SystemID) async throws -> Machine {
        guard let machine = try await self.store.read({ try await $0.machine(id) }) else { throw TestRegionError(description: "no machine \(id)") }
        return machine
    }

    /// A subnet with an address leased to a MAC address.
    func lease(_ address: String, to mac: String) async throws {
        guard let network = IPv4Network("10.0.0.0/24"), let address = IPv4Address(address), let mac = MACAddress(mac) else {
            throw TestRegionError(description: "bad lease")
        }
        let now = RegionAPIServer.wallClock()
        try await self.store.transaction { transaction in
            guard let vlan = try await transaction.vlan(fabricID: 0, vid: 0) else { return }
            if try await transaction.subnet(network: network) == nil {
                _ = try await transaction.insert(
                    Subnet(
                        id: 0, name: "", description: "", vlanID: vlan.id, network: network, gateway: nil, dnsServers: [], rdnsMode: 2,
                        allowDNS: true,
                        allowProxy: true, activeDiscovery: false, managed: true
                    )
                )
            }
            try await transaction.upsert([
                Lease(
                    vlanID: vlan.id, address: address, macAddress: mac, generation: 1, hostname: "", expires: now.advanced(by: .seconds(600)),
                    updated: now
                )
            ])
        }
    }
}

struct TestRegionError: Error, CustomStringConvertible {
    let description: String
}

struct UnexpectedStatus: Error, CustomStringConvertible {
    let description: String

    init(_ response: HTTPResponse, _ what: String) {
        self.description = "\(what): \(response.status) \(String(decoding: response.body.prefix(500), as: UTF8.self))"
    }
}

/// What the rest of a region would do.
final class TestServices: RegionServices {
    let folder: String
    let importing = Mutex(false)

    init(folder: String) {
        self.folder = folder
    }

    var softwareVersion: String { "0.0.1" }
    func queryPower(_ id: SystemID) async throws -> PowerState { .on }
    func importImages() async { self.importing.withLock { $0 = true } }
    func stopImport() async { self.importing.withLock { $0 = false } }
    func isImporting() async -> Bool { self.importing.withLock { $0 } }
    func importProgress() async -> ImportProgress? {
        guard self.importing.withLock({ $0 }) else { return nil }
        return ImportProgress(filesDone: 1, filesTotal: 3, bytesDone: 10, bytesTotal: 40, current: "squashfs")
    }
    func imagePath(sha256: String) -> String? { sha256 == String(repeating: "ab", count: 32) ? "\(self.folder)/ca.pem" : nil }
}

extension HTTPResponse {
    var text: String { String(decoding: self.body, as: UTF8.self) }
}
