// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
internal import FoundationEssentials
internal import HummingbirdCore
public import Lifecycle
public import Logging
internal import NIOCore
internal import NIOPosix
public import PostgresStorage
public import ServiceLifecycle

/// Serves the REST API, the metadata API and the event stream.
public final class RegionAPIServer: Service {
    private let configuration: RegionAPIConfiguration
    private let region: RegionContext
    private let ports: ListeningPorts
    private let logger: Logger

    /// - Parameters:
    ///   - services: what the rest of the region does for the API.
    ///   - lifecycle: the rules of machines' lives, with their time limits.
    ///   - clock: tells the time of the day; for tests.
    public init(
        configuration: RegionAPIConfiguration, store: Store, services: any RegionServices, lifecycle: LifecycleRules = LifecycleRules(),
        clock: @escaping @Sendable () -> Timestamp = RegionAPIServer.wallClock, logger: Logger
    ) {
        self.configuration = configuration
        self.logger = logger
        self.ports = ListeningPorts(expectsRack: configuration.rackListener != nil)
        self.region = RegionContext(
            store: store, services: services, lifecycle: lifecycle, limits: configuration.limits, clock: clock, logger: logger
        )
    }

    /// The time of the day.
    @Sendable public static func wallClock() -> Timestamp {
        Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
    }

    /// The ports once both listeners are up.
    ///
    /// - Throws: what kept a listener from opening.
    public func waitUntilListening() async throws -> RegionAPIPorts {
        try await self.ports.wait()
    }

    /// Serves until the region stops; requests that are being answered are finished first.
    public func run() async throws {
        let dispatcher = Dispatcher(region: self.region)
        self.region.passwords.start()
        let ports = self.ports
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                let hub = self.region.hub
                let store = self.region.store
                let heartbeat = self.configuration.limits.heartbeatSeconds
                let plain = self.plainServer(dispatcher)
                group.addTask { try await plain.run() }
                if let rack = self.rackServer(dispatcher) { group.addTask { try await rack.run() } }
                group.addTask { await hub.run(store: store, heartbeatSeconds: heartbeat) }
                while let _ = try await group.next() {}
            }
        } catch {
            ports.failed(error)
            await self.region.passwords.stop()
            throw error
        }
        ports.failed(CancellationError())
        await self.region.passwords.stop()
    }

    private func plainServer(_ dispatcher: Dispatcher) -> any Service {
        let ports = self.ports
        return self.httpChannel(dispatcher, isRack: false).server(
            configuration: self.serverConfiguration(address: self.configuration.address, port: self.configuration.port),
            onServerRunning: { ports.opened(plain: $0.localAddress?.port ?? 0) },
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: self.logger
        )
    }

    private func rackServer(_ dispatcher: Dispatcher) -> (any Service)? {
        guard let listener = self.configuration.rackListener else { return nil }
        let ports = self.ports
        return RackChannel(http: self.httpChannel(dispatcher, isRack: true), context: listener.context).server(
            configuration: self.serverConfiguration(address: listener.address, port: listener.port),
            onServerRunning: { ports.opened(rack: $0.localAddress?.port ?? 0) },
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: self.logger
        )
    }

    private func serverConfiguration(address: String, port: Int) -> ServerConfiguration {
        ServerConfiguration(
            address: .hostname(address, port: port),
            availableConnectionsDelegate: .maximum(self.configuration.limits.maximumConnections, logger: self.logger)
        )
    }

    private func httpChannel(_ dispatcher: Dispatcher, isRack: Bool) -> HTTP1Channel {
        let exchange = HTTPExchange(dispatcher: dispatcher, region: self.region, isRack: isRack)
        return HTTP1Channel(
            responder: { request, writer, channel in try await exchange.answer(request, writer, channel) },
            configuration: HTTP1Channel.Configuration(idleTimeout: .seconds(Int64(self.configuration.limits.idleSeconds)))
        )
    }
}
