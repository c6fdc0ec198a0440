// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Logging
public import NIOCore
import NIOHTTP1
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// The HTTP boot server: loaders, configurations and images from this rack, `/MAAS/` from a region.
public final class BootHTTPService: Service, Sendable {
    struct ForwardJob: Sendable {
        let request: ForwardRequest
        let promise: EventLoopPromise<ForwardResponse>
    }

    private struct State {
        var server: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        /// Connections by the client's address.
        var perClient: [String: Int] = [:]
        var isDraining = false
    }

    /// Files up to this many octets are kept in memory while they are open: boot loaders' modules and lists, not images.
    private static let hotFileBytes = 64 * 1024

    let configuration: BootHTTPConfiguration
    let answers: BootAnswers
    let descriptors: ContentDescriptors
    let fetches: ContentFetches
    let observations: BootObservations
    let logger: Logger
    private let forwarder: any RegionForwarder
    private let group: any EventLoopGroup
    private let state = Mutex(State())
    private let draining = Atomic<Bool>(false)
    private let date = Mutex<(second: Int64, text: String)>((-1, ""))
    private let bufferedBytes = Atomic<Int>(0)
    private let jobs: AsyncStream<ForwardJob>
    private let jobQueue: AsyncStream<ForwardJob>.Continuation

    public init(
        configuration: BootHTTPConfiguration = BootHTTPConfiguration(), answers: BootAnswers, content: any ContentSource,
        fetches: ContentFetches, observations: BootObservations, forwarder: any RegionForwarder, logger: Logger, group: any EventLoopGroup
    ) {
        self.configuration = configuration
        self.answers = answers
        self.descriptors = ContentDescriptors(source: content, capacity: configuration.maximumOpenFiles, hotLimit: Self.hotFileBytes)
        self.fetches = fetches
        self.observations = observations
        self.forwarder = forwarder
        self.logger = logger
        self.group = group
        (self.jobs, self.jobQueue) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(configuration.maximumConnections))
    }

    /// Opens the listening socket; once.
    ///
    /// - Returns: The port.
    /// - Throws: NIO's error when the address cannot be bound.
    @discardableResult
    public func bind() async throws -> Int {
        if let port = self.state.withLock({ $0.server?.localAddress?.port }) { return port }
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = self.configuration.maximumHeaderBytes
        limits.maxHeaderListSize = self.configuration.maximumHeaderBytes
        limits.maxHeaderFieldCount = 100
        let bootstrap = ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // What is read at once is what a client can make the rack hold by sending requests before the answers (RFC 9112, section 9.3.2).
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: 16 * 1024)
            )
            .childChannelInitializer { [limits] channel in
                guard self.admit(channel) else { return channel.close() }
                return channel.eventLoop.makeCompletedFuture {
                    let watch = RequestWatch()
                    try channel.pipeline.syncOperations.addHandler(watch)
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withEncoderConfiguration: HTTPResponseEncoder.Configuration(), withDecoderLimitConfiguration: limits
                    )
                    try channel.pipeline.syncOperations.addHandler(BootHTTPHandler(service: self, watch: watch))
                }
            }
        // Not by name: the resolver knows no "::" on a host whose interfaces have no IPv6 address yet.
        let address = try SocketAddress(ipAddress: self.configuration.address, port: self.configuration.port)
        let server = try await bootstrap.bind(to: address).get()
        self.state.withLock { $0.server = server }
        let port = server.localAddress?.port ?? self.configuration.port
        self.logger.notice("HTTP boot server listens", metadata: ["address": "\(self.configuration.address)", "port": "\(port)"])
        return port
    }

    /// Serves until the task is cancelled or the process shuts down; answers then have the configuration's `drainTime` to end.
    public func run() async throws {
        try await self.bind()
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for await job in self.jobs {
                    group.addTask { await self.forward(job) }
                }
                // All connections are closed: nobody waits for these answers any more.
                group.cancelAll()
            }
        } onCancelOrGracefulShutdown: {
            self.drain()
        }
    }

    private func forward(_ job: ForwardJob) async {
        do {
            job.promise.succeed(try await self.forwarder.forward(job.request))
        } catch {
            job.promise.fail(error)
        }
    }

    /// Hands a request to the task that talks to the regions.
    ///
    /// - Returns: Whether there was room for it; if not, the promise is left alone.
    func enqueue(_ job: ForwardJob) -> Bool {
        if case .enqueued = self.jobQueue.yield(job) { true } else { false }
    }

    // MARK: Bounds

    private func admit(_ channel: any Channel) -> Bool {
        let key = ObjectIdentifier(channel)
        let client = channel.remoteAddress?.ipAddress ?? ""
        let isAdmitted = self.state.withLock { state in
            guard !state.isDraining, state.connections.count < self.configuration.maximumConnections,
                state.perClient[client, default: 0] < self.configuration.maximumConnectionsPerClient
            else { return false }
            state.connections[key] = channel
            state.perClient[client, default: 0] += 1
            return true
        }
        guard isAdmitted else { return false }
        channel.closeFuture.whenComplete { _ in
            let isLast = self.state.withLock { state in
                state.connections[key] = nil
                let others = state.perClient[client, default: 1] - 1
                state.perClient[client] = others > 0 ? others : nil
                return state.isDraining && state.connections.isEmpty
            }
            if isLast { self.jobQueue.finish() }
        }
        return true
    }

    /// How many connections are open.
    public var connectionCount: Int { self.state.withLock { $0.connections.count } }

    /// Whether answers must end their connections.
    var isDraining: Bool { self.draining.load(ordering: .acquiring) }

    /// The time of now as answers tell it.
    var dateText: String {
        let second = BootClock.unixMilliseconds / 1000
        return self.date.withLock { date in
            if date.second != second { date = (second, HTTPDate.text(unixSeconds: second)) }
            return date.text
        }
    }

    /// Takes room for a part of a request's body.
    ///
    /// - Returns: Whether there is room; if not, nothing is taken.
    func reserve(bytes count: Int) -> Bool {
        let total = self.bufferedBytes.wrappingAdd(count, ordering: .relaxed).newValue
        guard total <= self.configuration.maximumBufferedBytes else {
            self.release(bytes: count)
            return false
        }
        return true
    }

    func release(bytes count: Int) {
        self.bufferedBytes.wrappingSubtract(count, ordering: .relaxed)
    }

    // MARK: The end

    private func drain() {
        self.draining.store(true, ordering: .releasing)
        let (server, open): ((any Channel)?, [any Channel]) = self.state.withLock { state in
            state.isDraining = true
            return (state.server, Array(state.connections.values))
        }
        server?.close(promise: nil)
        guard !open.isEmpty else { return self.jobQueue.finish() }
        let end: @Sendable () -> Void = { for channel in open { channel.pipeline.fireUserInboundEventTriggered(DrainEvent()) } }
        // Who sees its connection end must not get another one here.
        if let server { server.closeFuture.whenComplete { _ in end() } } else { end() }
        self.group.next().scheduleTask(in: TimeAmount(self.configuration.drainTime)) {
            for channel in open { channel.close(promise: nil) }
            self.jobQueue.finish()
        }
    }
}
