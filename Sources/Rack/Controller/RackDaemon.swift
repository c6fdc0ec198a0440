// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import BMC
internal import ClusterLink
internal import ClusterMessages
internal import Domain
internal import HTTPClient
internal import Images
public import Logging
internal import NIOPosix
internal import OpenSSL
internal import ServiceLifecycle
internal import UnixSignals

/// A rack controller: wires the parts and runs them until it is told to stop.
public struct RackDaemon: Sendable {
    public static let softwareVersion = "0.1.0"

    private let settings: RackSettings
    private let logger: Logger

    public init(settings: RackSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    /// Serves until a signal asks for the end. Without a region it serves on with what it knows.
    public func run() async throws {
        guard let rack = SystemID(self.settings.systemID) else {
            throw RackStartError("system_id: '\(self.settings.systemID)' is not a system id of six characters")
        }
        let identity = try TLSIdentity(
            certificateFile: self.settings.certificateFile, privateKeyFile: self.settings.privateKeyFile,
            authorityFile: self.settings.authorityFile
        )
        let store = try ContentStore(directory: "\(self.settings.stateDirectory)/images")
        let source = ImageCache(store: store, limit: self.settings.imageCacheBytes, logger: self.logger)
        let download = ImageDownload(regions: self.regionImages, cache: source, logger: self.logger)
        let fetches = ContentFetches(source: source, logger: self.logger) { try await download.fetch($0) }
        let answers = BootAnswers(httpPort: self.settings.httpPort)
        let observations = BootObservations()
        let prefetcher = ImagePrefetcher(source: source, fetches: fetches, logger: self.logger)
        let boot = UInt64.random(in: .min ... .max)
        let peers = PeerLinks(
            rack: rack, boot: boot, identity: identity, port: self.settings.peerPort, software: Self.softwareVersion, logger: self.logger)
        let controller = RackController(
            rack: rack, settings: self.settings, answers: answers, peers: peers, boot: boot,
            images: { digests, siblings in
                download.useSiblings(siblings)
                prefetcher.want(digests)
            },
            logger: self.logger
        )
        let link = try self.linkClient(rack: rack, identity: identity, controller: controller)
        let reporter = RackReporter(link: link, controller: controller, answers: answers, boot: observations, logger: self.logger)
        let forwarder = try self.forwarder(identity: identity)
        let http = BootHTTPService(
            configuration: BootHTTPConfiguration(port: self.settings.httpPort), answers: answers, content: source, fetches: fetches,
            observations: observations, forwarder: forwarder, logger: self.logger, group: MultiThreadedEventLoopGroup.singleton
        )
        let tftp = try TFTPService(
            configuration: TFTPServiceConfiguration(), answers: answers, content: source, fetches: fetches, observations: observations,
            logger: self.logger
        )
        let services: [any Service] = [
            fetches, http, tftp, LoopService { try await link.run() }, LoopService { await reporter.run() },
            LoopService { await prefetcher.run() }, LoopService { try await peers.run() },
        ]
        var group = ServiceGroupConfiguration(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: self.logger)
        group.maximumGracefulShutdownDuration = .seconds(10)
        self.logger.notice("rack controller is starting", metadata: ["rack.id": "\(rack)"])
        do {
            try await ServiceGroup(configuration: group).run()
        } catch {
            await controller.stop()
            throw error
        }
        await controller.stop()
    }

    private var regionImages: ImageDownload.Regions {
        ImageDownload.Regions(
            urls: self.settings.regionHosts.map { "https://\($0):\(self.settings.rackHTTPPort)/images" },
            certificateAuthorities: self.settings.authorityFile,
            certificate: ClientCertificate(certificateFile: self.settings.certificateFile, privateKeyFile: self.settings.privateKeyFile)
        )
    }

    private func linkClient(rack: SystemID, identity: TLSIdentity, controller: RackController) throws -> LinkClient {
        let regions = self.settings.regionHosts.map { LinkAddress(host: $0, port: self.settings.clusterPort) }
        var configuration = LinkClientConfiguration(regions: regions, identity: identity)
        configuration.software = Self.softwareVersion
        let link = LinkClient(configuration: configuration, logger: self.logger)
        let power = PowerService(configuration: PowerServiceConfiguration(threads: self.settings.powerThreads), logger: self.logger)
        link.on(RackConfiguration.self) { configuration, _ in await controller.apply(configuration) }
        link.on(LeaseAuthorityOrder.self) { order, _ in
            await controller.receive(order.message)
            return LinkNothing()
        }
        link.on(PowerCommand.self) { command, _ in
            let result = await power.perform(
                PowerOperation(
                    id: command.operationID, type: command.powerType, parameters: command.parameters, action: command.action,
                    bootDevice: command.bootDevice, firmware: command.firmware, deadline: .seconds(min(max(command.deadlineSeconds, 1), 600))
                )
            )
            return PowerReport(outcome: result.outcome.rawValue, state: result.state, message: result.message)
        }
        let hostname = HostName.current
        let settings = self.settings
        let logger = self.logger
        link.onUp { peer in
            let hello = RackHello(
                rack: rack, hostname: hostname, softwareVersion: Self.softwareVersion, interfaces: NetworkInterfaces.all(),
                httpPort: settings.httpPort, peerPort: settings.peerPort
            )
            do {
                let welcome = try await peer.send(hello, deadline: .seconds(10))
                logger.notice("region reached", metadata: ["region.id": "\(welcome.region)"])
            } catch {
                logger.warning("region refuses this rack", metadata: ["error": "\(error)"])
                peer.close()
            }
        }
        return link
    }

    private func forwarder(identity: TLSIdentity) throws -> RegionHTTPForwarder {
        let context = try TLSContext.mutualClient(identity: identity)
        return RegionHTTPForwarder(
            endpoints: self.settings.regionHosts.map { RegionEndpoint(host: $0, port: self.settings.rackHTTPPort) },
            group: MultiThreadedEventLoopGroup.singleton, context: { context }, logger: self.logger
        )
    }
}

/// Why rackd does not start.
public struct RackStartError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
