// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterLink
internal import ClusterMessages
internal import Domain
internal import Lifecycle
public import Logging
internal import OpenSSL
internal import Postgres
internal import PostgresStorage
internal import RegionAPI
internal import ServiceLifecycle
internal import UnixSignals

/// A region controller: wires the parts and runs them until it is told to stop.
public struct RegionDaemon: Sendable {
    public static let softwareVersion = "0.1.0"

    private let configuration: RegionConfiguration
    private let logger: Logger

    public init(configuration: RegionConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Opens the database and brings its schema up to date.
    func openStore() async throws -> (Store, PostgresPool) {
        var database = PostgresConfiguration(self.configuration.database)
        database.maximumConnections = self.configuration.databaseConnections
        let pool = try PostgresPool(database, logger: self.logger)
        let store = Store(pool: pool, secrets: try SecretKeyFile.loadOrCreate(path: self.configuration.secretKeyFile))
        try await store.migrate()
        return (store, pool)
    }

    /// Serves until a signal asks for the end.
    public func run() async throws {
        guard let region = SystemID(self.configuration.systemID) else {
            throw RegionStartError("system_id: '\(self.configuration.systemID)' is not a system id of six characters")
        }
        let (store, pool) = try await self.openStore()
        let racks = RackDirectory()
        let rules = LifecycleRules()
        let power = PowerGateway(store: store, racks: racks)
        let images = try ImageService(store: store, directory: self.configuration.imagesDirectory, logger: self.logger)
        let authority = LeaseAuthorityService(store: store, racks: racks, logger: self.logger)
        let link = try self.linkServer(store: store, racks: racks, authority: authority, rules: rules, region: region)
        let api = try self.apiServer(store: store, rules: rules, services: RegionServicesAdapter(store: store, power: power, images: images))
        let reconciler = MachineReconciler(store: store, power: power, rules: rules, logger: self.logger)
        let configurator = RackConfigurator(store: store, racks: racks, logger: self.logger)
        let placement = SegmentPlacement(store: store, logger: self.logger)
        let presence = RegionPresence(store: store, region: region, logger: self.logger)
        let retention = Retention(store: store, logger: self.logger)
        let services: [any Service] = [
            LoopService { try await link.run() }, api, LoopService { await authority.run() }, LoopService { await images.run() },
            LoopService { await configurator.run() }, LoopService { await reconciler.run() }, LoopService { await presence.run() },
            LoopService { await retention.run() }, LoopService { await placement.run() },
        ]
        var group = ServiceGroupConfiguration(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: self.logger)
        group.maximumGracefulShutdownDuration = .seconds(10)
        self.logger.notice("region controller is starting", metadata: ["region.id": "\(region)"])
        do {
            try await ServiceGroup(configuration: group).run()
        } catch {
            await pool.shutdown()
            throw error
        }
        await pool.shutdown()
    }

    private func identity() throws -> TLSIdentity {
        try TLSIdentity(
            certificateFile: self.configuration.certificateFile, privateKeyFile: self.configuration.privateKeyFile,
            authorityFile: self.configuration.authorityFile
        )
    }

    private func apiServer(store: Store, rules: LifecycleRules, services: any RegionServices) throws -> RegionAPIServer {
        var api = RegionAPIConfiguration()
        api.address = self.configuration.httpHost
        api.port = self.configuration.httpPort
        api.rackListener = .init(
            address: self.configuration.rackHTTPHost, port: self.configuration.rackHTTPPort,
            context: try TLSContext.mutualServer(identity: try self.identity())
        )
        return RegionAPIServer(configuration: api, store: store, services: services, lifecycle: rules, logger: self.logger)
    }

    private func linkServer(
        store: Store, racks: RackDirectory, authority: LeaseAuthorityService, rules: LifecycleRules, region: SystemID
    ) throws -> LinkServer {
        var configuration = LinkServerConfiguration(
            host: self.configuration.clusterHost, port: self.configuration.clusterPort, identity: try self.identity()
        )
        configuration.software = Self.softwareVersion
        let server = LinkServer(configuration: configuration, logger: self.logger)
        let registrar = RackRegistrar(
            store: store, racks: racks, region: region, softwareVersion: Self.softwareVersion, logger: self.logger
        )
        let intake = ObservationIntake(store: store, rules: rules)
        server.on(RackHello.self) { hello, peer in try await registrar.hello(hello, from: peer) }
        server.on(RackObservations.self) { report, _ in
            try await intake.take(report)
            return LinkNothing()
        }
        server.on(LeaseRackReport.self) { report, peer in
            guard let rack = racks.all.first(where: { $0.peer === peer })?.hello.rack else {
                throw LinkRefusal(.handlerFailed, "say hello first")
            }
            try await authority.received(report.message, from: rack)
            return LinkNothing()
        }
        let segments = SegmentIntake(store: store)
        server.on(SegmentStatusReport.self) { report, peer in
            guard let rack = racks.all.first(where: { $0.peer === peer })?.hello.rack else {
                throw LinkRefusal(.handlerFailed, "say hello first")
            }
            try await segments.take(report, from: rack)
            return LinkNothing()
        }
        server.onDisconnect { await registrar.disconnected($0) }
        return server
    }
}
