// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ClusterLink
import ClusterMessages
import Domain
import Logging
import OpenSSL
import Postgres
import PostgresStorage
import Synchronization
import TestSupport

@testable import Region

/// A region's store and link on this machine, with a rack that answers power commands as a test says.
final class TestRack: Sendable {
    let store: Store
    let racks = RackDirectory()
    let rack: SystemID
    private let pool: PostgresPool
    private let server: LinkServer
    private let client: LinkClient
    private let reports = Mutex<[PowerReport]>([])
    private let received = Mutex<[PowerCommand]>([])

    init(_ rack: SystemID) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        self.rack = rack
        self.pool = try PostgresPool(PostgresConfiguration(try await TestPostgres.shared().makeDatabase()), logger: logger)
        self.store = Store(pool: self.pool, secrets: try SecretBox(key: SecureRandom.bytes(32)))
        try await self.store.migrate()
        let authority = try CertificateAuthority.create(commonName: "Gantry test")
        func identity(_ role: String) throws -> TLSIdentity {
            let issued = try authority.issue(commonName: role, subjectAlternativeNames: [.uri(role)], validity: .seconds(3600))
            return try TLSIdentity(
                certificateChainPEM: issued.certificatePEM, privateKeyPEM: issued.privateKeyPEM, trustedAuthorityPEM: authority.certificatePEM
            )
        }
        self.server = LinkServer(
            configuration: LinkServerConfiguration(host: "127.0.0.1", port: 0, identity: try identity("gantry:region:regn34")), logger: logger
        )
        let registrar = RackRegistrar(
            store: self.store, racks: self.racks, region: rack, softwareVersion: "test", logger: logger
        )
        self.server.on(RackHello.self) { try await registrar.hello($0, from: $1) }
        self.server.onDisconnect { await registrar.disconnected($0) }
        let server = self.server
        Self.background.withLock { $0.append(Task { try? await server.run() }) }
        guard let port = await server.waitUntilListening() else { throw CancellationError() }
        self.client = LinkClient(
            configuration: LinkClientConfiguration(
                regions: [LinkAddress(host: "127.0.0.1", port: port)], identity: try identity("gantry:rack:\(rack)")),
            logger: logger
        )
        self.client.on(PowerCommand.self) { command, _ in self.answer(command) }
        let client = self.client
        Self.background.withLock { $0.append(Task { try? await client.run() }) }
        _ = try await client.waitUntilUp(within: .seconds(60))
    }

    /// Servers of tests, which end with the test process.
    private static let background = Mutex<[Task<Void, Never>]>([])

    var commands: [PowerCommand] { self.received.withLock { $0 } }

    /// What the next commands are answered, in order; afterwards each succeeds.
    func answer(with reports: [PowerReport]) { self.reports.withLock { $0 = reports } }

    private func answer(_ command: PowerCommand) -> PowerReport {
        self.received.withLock { $0.append(command) }
        let state: PowerState = command.action == .off || command.action == .softOff ? .off : .on
        return self.reports.withLock { $0.isEmpty ? PowerReport(outcome: "succeeded", state: state, message: "") : $0.removeFirst() }
    }

    func hello(interfaces: [ControllerInterface] = []) async throws {
        _ = try await self.client.send(
            RackHello(rack: self.rack, hostname: "rack", softwareVersion: "1", interfaces: interfaces, httpPort: 5248), deadline: .seconds(60)
        )
    }

    func close() async {
        self.client.shutDown()
        self.server.shutDown()
        await self.pool.shutdown()
    }
}
