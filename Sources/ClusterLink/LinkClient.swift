// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import ClusterMessages
public import Logging
import NIOCore
import NIOPosix
public import OpenSSL
import Synchronization

/// Where a region listens for links.
public struct LinkAddress: Sendable, Hashable, Codable, CustomStringConvertible {
    /// A name or an address.
    public var host: String
    /// The port.
    public var port: Int

    /// Host and port.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `host:port`.
    public var description: String { self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)" }
}

/// How a ``LinkClient`` is set up.
public struct LinkClientConfiguration: Sendable {
    /// Where regions listen. Any of them will do.
    public var regions: [LinkAddress]
    /// Our certificate, and the authority that the regions' must be signed by.
    public var identity: TLSIdentity
    /// What the role URI of a region begins with. Default `gantry:region:`.
    public var regionRolePrefix: String
    /// Which release we are; shown to regions.
    public var software: String
    /// The pause after all regions were tried once. Default 0.2 s; it doubles each time.
    public var firstPause: Duration
    /// The longest pause. Default 5 s.
    public var longestPause: Duration
    /// The bounds of the link.
    public var limits: LinkLimits

    /// The defaults, or what is given.
    public init(
        regions: [LinkAddress], identity: TLSIdentity, regionRolePrefix: String = "gantry:region:", software: String = "",
        firstPause: Duration = .milliseconds(200), longestPause: Duration = .seconds(5), limits: LinkLimits = LinkLimits()
    ) {
        self.regions = regions
        self.identity = identity
        self.regionRolePrefix = regionRolePrefix
        self.software = software
        self.firstPause = firstPause
        self.longestPause = longestPause
        self.limits = limits
    }
}

/// A rack's end of its cluster link: keeps one link up to any of the regions.
///
/// Register handlers and callbacks, then `run()` it. Handlers run concurrently; a handler goes on when the link is lost, and is cancelled
/// only when the client ends.
public final class LinkClient: Sendable {
    private struct State {
        var regions: [LinkAddress]
        var context: TLSContext?
        var peer: LinkPeer?
        var hasRun = false
        var hasEnded = false
        var upWaiters: [UInt64: CheckedContinuation<LinkPeer, any Error>] = [:]
        var lastWaiter: UInt64 = 0
        var onUp: @Sendable (LinkPeer) async -> Void = { _ in }
        var onDown: @Sendable (LinkPeer) async -> Void = { _ in }
    }

    /// A link that was up for at least this long was a good one: the pauses begin anew.
    private static let goodLinkDuration = Duration.seconds(5)

    private let configuration: LinkClientConfiguration
    private let logger: Logger
    private let handlers = LinkHandlers()
    private let budget: HandlerBudget
    private let state: Mutex<State>
    private let stop: AsyncStream<Void>
    private let stopSink: AsyncStream<Void>.Continuation

    /// A client that does nothing until `run()`.
    public init(configuration: LinkClientConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        self.budget = HandlerBudget(configuration.limits.maximumInFlight * 2)
        self.state = Mutex(State(regions: configuration.regions))
        (self.stop, self.stopSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    /// Sets what answers messages of one type. Call it before `run()`, once for each type.
    public func on<Message: LinkMessage>(
        _ type: Message.Type, _ handle: @escaping @Sendable (Message, LinkPeer) async throws -> Message.Reply
    ) {
        self.requireNotRun()
        self.handlers.add(type, handle)
    }

    /// Sets what is called when the link is up. Messages of the region are handled while it runs.
    public func onUp(_ body: @escaping @Sendable (LinkPeer) async -> Void) {
        self.requireNotRun()
        self.state.withLock { $0.onUp = body }
    }

    /// Sets what is called when the link is down again, after the other callback has returned. A newer link may be up by then.
    public func onDown(_ body: @escaping @Sendable (LinkPeer) async -> Void) {
        self.requireNotRun()
        self.state.withLock { $0.onDown = body }
    }

    private func requireNotRun() {
        precondition(!self.state.withLock { $0.hasRun }, "handlers and callbacks are set before run()")
    }

    /// The region at the other end, if the link is up.
    public var peer: LinkPeer? {
        self.state.withLock { $0.peer }.flatMap { $0.isOpen ? $0 : nil }
    }

    /// Whether the link is up.
    public var isUp: Bool { self.peer != nil }

    /// Sends a message to whichever region the link goes to; see ``LinkPeer/send(_:deadline:)``.
    ///
    /// - Throws: ``LinkError``, at once `notConnected` when there is no link; or `CancellationError`.
    public func send<Message: LinkMessage>(_ message: Message, deadline: Duration) async throws -> Message.Reply {
        guard let peer = self.peer else { throw LinkError.notConnected }
        return try await peer.send(message, deadline: deadline)
    }

    /// Sends a message that is not answered and may be lost; see ``LinkPeer/notify(_:)``.
    ///
    /// - Throws: ``LinkError`` when it was not sent.
    public func notify<Message: LinkMessage>(_ message: Message) throws(LinkError) {
        guard let peer = self.peer else { throw .notConnected }
        try peer.notify(message)
    }

    /// Waits until the link is up.
    ///
    /// - Throws: ``LinkError`` `deadlineExceeded`, or `notConnected` when the client has ended; or `CancellationError`.
    public func waitUntilUp(within limit: Duration) async throws -> LinkPeer {
        let id = self.state.withLock { state in
            state.lastWaiter &+= 1
            return state.lastWaiter
        }
        let timer = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: TimeAmount(limit)) {
            self.endWait(id, .failure(LinkError.deadlineExceeded))
        }
        defer { timer.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = self.state.withLock { state -> Result<LinkPeer, any Error>? in
                    if let peer = state.peer, peer.isOpen { return .success(peer) }
                    if state.hasEnded { return .failure(LinkError.notConnected) }
                    if limit <= .zero { return .failure(LinkError.deadlineExceeded) }
                    state.upWaiters[id] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
                if Task.isCancelled { self.endWait(id, .failure(CancellationError())) }
            }
        } onCancel: {
            self.endWait(id, .failure(CancellationError()))
        }
    }

    private func endWait(_ id: UInt64, _ result: Result<LinkPeer, any Error>) {
        self.state.withLock { $0.upWaiters.removeValue(forKey: id) }?.resume(with: result)
    }

    /// Uses other regions from the next attempt on; a link that is up stays.
    public func replaceRegions(_ regions: [LinkAddress]) {
        self.state.withLock { $0.regions = regions }
    }

    /// Uses another certificate from the next attempt on; a link that is up stays.
    ///
    /// - Throws: `OpenSSLError`.
    public func replaceIdentity(_ identity: TLSIdentity) throws {
        let context = try TLSContext.mutualClient(identity: identity)
        self.state.withLock { $0.context = context }
    }

    /// Makes `run()` return.
    public func shutDown() {
        self.stopSink.finish()
    }

    /// Keeps a link up until its task is cancelled or ``shutDown()`` is called. Once only.
    ///
    /// - Throws: `OpenSSLError` when the identity cannot be used.
    public func run() async throws {
        let isFirst = self.state.withLock { state in
            defer { state.hasRun = true }
            return !state.hasRun
        }
        precondition(isFirst, "a link client runs once")
        let context = try TLSContext.mutualClient(identity: self.configuration.identity)
        self.state.withLock { $0.context = $0.context ?? context }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.keepUp() }
            group.addTask { for await _ in self.stop {} }
            await group.next()
            group.cancelAll()
        }
        let waiters = self.state.withLock { state in
            state.hasEnded = true
            state.peer = nil
            defer { state.upWaiters.removeAll() }
            return state.upWaiters.values.map { $0 }
        }
        for waiter in waiters { waiter.resume(throwing: LinkError.notConnected) }
    }

    private func keepUp() async {
        var schedule = ReconnectSchedule(first: self.configuration.firstPause, longest: self.configuration.longestPause)
        var attempt = Int.random(in: 0..<1024)  // racks spread over the regions
        var failures = 0
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let regions = self.state.withLock { $0.regions }
                if !regions.isEmpty {
                    switch await self.attempt(regions[attempt % regions.count], in: &group) {
                    case .good:
                        schedule.succeeded()
                        failures = 0
                    case .short:
                        failures = 0
                    case .failed(let reason):
                        failures += 1
                        if failures == regions.count, !Task.isCancelled { self.warn(reason, regions) }
                    }
                }
                attempt &+= 1
                let pause = schedule.next(regionCount: regions.count, fraction: Double.random(in: 0..<1))
                // A cancelled sleep ends the loop by its condition.
                try? await Task.sleep(for: pause)
            }
            group.cancelAll()
        }
    }

    /// Once for each time without a link: an operator wants to know that no region lets a rack in, and why.
    private func warn(_ reason: String, _ regions: [LinkAddress]) {
        self.logger.warning(
            "no region can be reached", metadata: ["link.regions": "\(regions.map(\.description))", "link.reason": "\(reason)"])
    }

    /// How a connection went.
    private enum Attempt {
        /// It was up for long enough to be trusted.
        case good
        /// It was up, but not for long.
        case short
        case failed(String)
    }

    /// One connection from its beginning to its end.
    private func attempt(_ region: LinkAddress, in group: inout DiscardingTaskGroup) async -> Attempt {
        let metadata: Logger.Metadata = ["link.region": "\(region)"]
        let connection: LinkConnection
        do {
            connection = try await self.connect(to: region)
        } catch {
            self.logger.debug("no connection to a region", metadata: metadata.merging(["link.reason": "\(error)"]) { $1 })
            return .failed("\(region): \(error)")
        }
        guard await self.untilOpen(connection) else {
            connection.close(reason: LinkGoodbye.shutDown, tellPeer: false)
            let reason = connection.endReason ?? ""
            self.logger.debug("a region did not let us in", metadata: metadata.merging(["link.reason": "\(reason)"]) { $1 })
            return .failed("\(region): \(reason)")
        }
        let peer = LinkPeer(connection)
        let start = ContinuousClock.now
        let (onUp, onDown, waiters) = self.state.withLock { state in
            state.peer = peer
            defer { state.upWaiters.removeAll() }
            return (state.onUp, state.onDown, state.upWaiters.values.map { $0 })
        }
        for waiter in waiters { waiter.resume(returning: peer) }
        self.logger.notice("the cluster link is up", metadata: metadata.merging(["link.peer": "\(peer.identity)"]) { $1 })
        await LinkService(handlers: self.handlers, peer: peer, onUp: onUp, onDown: onDown).run(in: &group)
        self.state.withLock { $0.peer = nil }
        self.logger.notice(
            "the cluster link is down",
            metadata: metadata.merging(["link.peer": "\(peer.identity)", "link.reason": "\(connection.endReason ?? "")"]) { $1 })
        return ContinuousClock.now - start >= Self.goodLinkDuration ? .good : .short
    }

    private func untilOpen(_ connection: LinkConnection) async -> Bool {
        var events = connection.events.makeAsyncIterator()
        if case .opened = await events.next() { return connection.isOpen }
        return false
    }

    private func connect(to region: LinkAddress) async throws -> LinkConnection {
        guard let context = self.state.withLock({ $0.context }) else { throw LinkError.notConnected }
        let configuration = self.configuration
        let budget = self.budget
        let prefix = configuration.regionRolePrefix
        return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(TimeAmount(configuration.limits.openTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(LinkSocket.userTimeoutOption, value: LinkSocket.userTimeout(configuration.limits))
            .connect(host: region.host, port: region.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = LinkConnection(
                        channel: channel, role: .client, limits: configuration.limits, software: configuration.software, budget: budget)
                    try channel.pipeline.syncOperations.addHandlers(
                        TLSHandler(context: context, expecting: .rolePrefix(prefix), limits: LinkSocket.tlsLimits(configuration.limits)),
                        LinkChannelHandler(connection: connection, rolePrefix: prefix))
                    return connection
                }
            }
    }
}
