// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import ClusterMessages
public import Logging
import NIOCore
import NIOPosix
public import OpenSSL
import Synchronization

/// How a ``LinkServer`` is set up.
public struct LinkServerConfiguration: Sendable {
    /// The address to listen on.
    public var host: String
    /// The port to listen on; 0 for any.
    public var port: Int
    /// Our certificate, and the authority that the peers' must be signed by.
    public var identity: TLSIdentity
    /// What the role URI of a peer begins with. Default `gantry:rack:`.
    public var peerRolePrefix: String
    /// How many identities may be connected at once. Default 1024: 30 MB of TLS state.
    public var maximumPeers: Int
    /// How many connections may be in the making at once. Default 256; further ones are closed at once, and their racks try again.
    public var maximumOpening: Int
    /// Which release we are; shown to peers.
    public var software: String
    /// The bounds of each link.
    public var limits: LinkLimits

    /// The defaults, or what is given.
    public init(
        host: String = "::", port: Int, identity: TLSIdentity, peerRolePrefix: String = "gantry:rack:", maximumPeers: Int = 1024,
        maximumOpening: Int = 256, software: String = "", limits: LinkLimits = LinkLimits()
    ) {
        self.host = host
        self.port = port
        self.identity = identity
        self.peerRolePrefix = peerRolePrefix
        self.maximumPeers = maximumPeers
        self.maximumOpening = maximumOpening
        self.software = software
        self.limits = limits
    }
}

/// The region's end of all cluster links: listens for racks and holds one live link for each identity.
///
/// Register handlers and callbacks, then `run()` it. Handlers of one link run concurrently; a handler goes on when its link is lost, and is
/// cancelled only when the server ends.
public final class LinkServer: Sendable {
    private struct State {
        var context: TLSContext?
        var peers: [String: LinkPeer] = [:]
        var opening = 0
        var boundPort: Int?
        var hasRun = false
        var isShutDown = false
        var portWaiters: [CheckedContinuation<Int?, Never>] = []
        var admit: @Sendable (_ identity: String, _ fingerprint: String) -> Bool = { _, _ in true }
        var onConnect: @Sendable (LinkPeer) async -> Void = { _ in }
        var onDisconnect: @Sendable (LinkPeer) async -> Void = { _ in }
    }

    private let configuration: LinkServerConfiguration
    private let logger: Logger
    private let handlers = LinkHandlers()
    private let budget: HandlerBudget
    private let state = Mutex(State())
    private let accepted: AsyncStream<LinkPeer>
    private let acceptedSink: AsyncStream<LinkPeer>.Continuation

    /// A server that does nothing until `run()`.
    public init(configuration: LinkServerConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        self.budget = HandlerBudget(configuration.limits.maximumInFlight * 16)
        // As many as may be connected; each is taken out at once.
        (self.accepted, self.acceptedSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(configuration.maximumPeers))
    }

    /// Sets what answers messages of one type. Call it before `run()`, once for each type.
    public func on<Message: LinkMessage>(
        _ type: Message.Type, _ handle: @escaping @Sendable (Message, LinkPeer) async throws -> Message.Reply
    ) {
        self.requireNotRun()
        self.handlers.add(type, handle)
    }

    /// Sets who may have a link besides needing a genuine certificate, by role URI and by SHA-256 of the certificate (lower-case
    /// hexadecimal): this is how a rack that was removed is kept out. It is called on an event loop and must decide at once. Default
    /// everybody. A link that is up stays until it is closed.
    public func admits(_ decide: @escaping @Sendable (_ identity: String, _ fingerprint: String) -> Bool) {
        self.requireNotRun()
        self.state.withLock { $0.admit = decide }
    }

    /// Sets what is called when a link is up. Messages of the peer are handled while it runs.
    public func onConnect(_ body: @escaping @Sendable (LinkPeer) async -> Void) {
        self.requireNotRun()
        self.state.withLock { $0.onConnect = body }
    }

    /// Sets what is called when a link is down again, after the connect callback has returned. The same identity may have a newer link
    /// by then: ask ``peer(_:)``.
    public func onDisconnect(_ body: @escaping @Sendable (LinkPeer) async -> Void) {
        self.requireNotRun()
        self.state.withLock { $0.onDisconnect = body }
    }

    private func requireNotRun() {
        precondition(!self.state.withLock { $0.hasRun }, "handlers and callbacks are set before run()")
    }

    /// The port that is listened on; nil when not listening.
    public var boundPort: Int? { self.state.withLock { $0.boundPort } }

    /// Waits until the server listens; nil when it ended, or the caller was cancelled, first.
    public func waitUntilListening() async -> Int? {
        await withCheckedContinuation { continuation in
            let (isDecided, port) = self.state.withLock { state -> (Bool, Int?) in
                if state.boundPort != nil || state.isShutDown { return (true, state.boundPort) }
                state.portWaiters.append(continuation)
                return (false, nil)
            }
            if isDecided { continuation.resume(returning: port) }
        }
    }

    /// All peers whose links are up, by identity.
    public var peers: [LinkPeer] {
        self.state.withLock { $0.peers.values.filter(\.isOpen) }.sorted { $0.identity < $1.identity }
    }

    /// The peer with an identity, if its link is up.
    public func peer(_ identity: String) -> LinkPeer? {
        self.state.withLock { $0.peers[identity] }.flatMap { $0.isOpen ? $0 : nil }
    }

    /// Uses another certificate for links that come from now on; those that are up stay.
    ///
    /// - Throws: `OpenSSLError`.
    public func replaceIdentity(_ identity: TLSIdentity) throws {
        let context = try TLSContext.mutualServer(identity: identity)
        self.state.withLock { $0.context = context }
    }

    /// Makes `run()` return.
    public func shutDown() {
        self.acceptedSink.finish()
    }

    /// Listens and serves until its task is cancelled or ``shutDown()`` is called; then says goodbye to all peers and returns. Once only.
    ///
    /// - Throws: when the port cannot be listened on.
    public func run() async throws {
        let isFirst = self.state.withLock { state in
            defer { state.hasRun = true }
            return !state.hasRun
        }
        precondition(isFirst, "a link server runs once")
        defer { self.finish() }
        let context = try TLSContext.mutualServer(identity: self.configuration.identity)
        self.state.withLock { $0.context = $0.context ?? context }
        let listener = try await self.listen()
        let port = listener.localAddress?.port ?? self.configuration.port
        let waiters = self.state.withLock { state in
            state.boundPort = port
            defer { state.portWaiters.removeAll() }
            return state.portWaiters
        }
        for waiter in waiters { waiter.resume(returning: port) }
        self.logger.notice("cluster links are accepted", metadata: ["link.port": "\(port)"])
        await withDiscardingTaskGroup { group in
            for await peer in self.accepted {
                group.addTask { await self.serve(peer) }
            }
            listener.close(promise: nil)
            for peer in self.state.withLock({ Array($0.peers.values) }) { peer.connection.close(reason: LinkGoodbye.shutDown) }
            group.cancelAll()
        }
        self.logger.notice("cluster links are no longer accepted", metadata: ["link.port": "\(port)"])
    }

    private func finish() {
        self.acceptedSink.finish()
        let waiters = self.state.withLock { state in
            state.isShutDown = true
            state.boundPort = nil
            defer { state.portWaiters.removeAll() }
            return state.portWaiters
        }
        for waiter in waiters { waiter.resume(returning: nil) }
    }

    private func listen() async throws -> any Channel {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(LinkSocket.userTimeoutOption, value: LinkSocket.userTimeout(self.configuration.limits))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.initialize(channel) }
            }
        // An address is not looked up: the resolver knows no "::" on a host whose interfaces have no IPv6 address yet.
        if let address = try? SocketAddress(ipAddress: self.configuration.host, port: self.configuration.port) {  // else it is a name
            return try await bootstrap.bind(to: address).get()
        }
        return try await bootstrap.bind(host: self.configuration.host, port: self.configuration.port).get()
    }

    /// On the event loop, for each new connection.
    private func initialize(_ channel: any Channel) throws {
        let context = self.state.withLock { state -> TLSContext? in
            guard state.opening < self.configuration.maximumOpening, !state.isShutDown else { return nil }
            state.opening += 1
            return state.context
        }
        guard let context else { throw LinkError.closed(reason: LinkGoodbye.full) }
        let opening = OpeningSlot { self.state.withLock { $0.opening -= 1 } }
        let logger = self.logger
        channel.closeFuture.whenComplete { _ in opening.release() }
        let connection = LinkConnection(
            channel: channel, role: .server, limits: self.configuration.limits, software: self.configuration.software, budget: self.budget,
            admit: { connection in
                opening.release()
                return self.register(connection)
            }, opened: { self.announce($0) })
        channel.closeFuture.whenComplete { _ in
            self.forget(connection)
            logger.debug("a cluster connection has ended", metadata: ["link.reason": "\(connection.endReason ?? "unknown")"])
        }
        let prefix = self.configuration.peerRolePrefix
        try channel.pipeline.syncOperations.addHandlers(
            TLSHandler(context: context, expecting: .rolePrefix(prefix), limits: LinkSocket.tlsLimits(self.configuration.limits)),
            LinkChannelHandler(connection: connection, rolePrefix: prefix))
    }

    /// A peer has said hello: why it is turned away, or nil. The newer of two links with one identity wins, because the older one is most
    /// likely the remains of a broken connection.
    private func register(_ connection: LinkConnection) -> String? {
        let peer = LinkPeer(connection)
        guard self.state.withLock({ $0.admit })(peer.identity, peer.certificateFingerprint) else { return LinkGoodbye.notAdmitted }
        let (refusal, replaced) = self.state.withLock { state -> (String?, LinkPeer?) in
            if state.isShutDown { return (LinkGoodbye.shutDown, nil) }
            let replaced = state.peers[peer.identity]
            if replaced == nil, state.peers.count >= self.configuration.maximumPeers { return (LinkGoodbye.full, nil) }
            state.peers[peer.identity] = peer
            return (nil, replaced)
        }
        replaced?.connection.close(reason: LinkGoodbye.replaced)
        return refusal
    }

    /// A link is up: it is served from now on.
    private func announce(_ connection: LinkConnection) {
        guard let peer = self.state.withLock({ $0.peers[connection.identity] }), peer.connection === connection else { return }
        if case .enqueued = self.acceptedSink.yield(peer) { return }
        connection.close(reason: LinkGoodbye.full)
    }

    private func forget(_ connection: LinkConnection) {
        self.state.withLock { state in
            if state.peers[connection.identity]?.connection === connection { state.peers[connection.identity] = nil }
        }
    }

    private func serve(_ peer: LinkPeer) async {
        let (onConnect, onDisconnect) = self.state.withLock { ($0.onConnect, $0.onDisconnect) }
        let metadata: Logger.Metadata = ["link.peer": "\(peer.identity)", "link.address": "\(peer.remoteAddress)"]
        self.logger.notice("a cluster link is up", metadata: metadata)
        await LinkService(handlers: self.handlers, peer: peer, onUp: onConnect, onDown: onDisconnect).run()
        self.logger.notice(
            "a cluster link is down", metadata: metadata.merging(["link.reason": "\(peer.connection.endReason ?? "")"]) { $1 })
    }
}

/// One of the connections in the making that are allowed; given back once.
private final class OpeningSlot: Sendable {
    private let isHeld = Mutex(true)
    private let giveBack: @Sendable () -> Void

    init(_ giveBack: @escaping @Sendable () -> Void) {
        self.giveBack = giveBack
    }

    func release() {
        let wasHeld = self.isHeld.withLock { held in
            defer { held = false }
            return held
        }
        if wasHeld { self.giveBack() }
    }
}
