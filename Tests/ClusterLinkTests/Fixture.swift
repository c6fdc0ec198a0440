// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ClusterMessages
import Logging
import NIOCore
import NIOPosix
import OpenSSL
import Synchronization
import Testing

@testable import ClusterLink

/// An authority and identities of it, made once for all tests.
struct Identities: Sendable {
    let authority: CertificateAuthority
    let region: TLSIdentity
    let rogueRack: TLSIdentity

    static let shared = Result { try Identities() }

    init() throws {
        self.authority = try CertificateAuthority.create(commonName: "Gantry test")
        self.region = try Self.issue(self.authority, "gantry:region:one", trusting: self.authority)
        self.rogueRack = try Self.issue(
            CertificateAuthority.create(commonName: "Gantry test"), "gantry:rack:rogue", trusting: self.authority)
    }

    func rack(_ name: String) throws -> TLSIdentity {
        try Self.issue(self.authority, "gantry:rack:\(name)", trusting: self.authority)
    }

    private static func issue(_ issuer: CertificateAuthority, _ role: String, trusting authority: CertificateAuthority) throws -> TLSIdentity {
        try TLSIdentity(
            issuer.issue(commonName: role, subjectAlternativeNames: [.uri(role)], validity: .seconds(3600)),
            trustedAuthorityPEM: authority.certificatePEM)
    }
}

/// What callbacks and handlers have seen.
final class Journal: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { self.lines.withLock { $0 } }
    func add(_ line: String) { self.lines.withLock { $0.append(line) } }
    func count(_ line: String) -> Int { self.all.count { $0 == line } }
}

/// A gate that handlers wait at until a test opens it, or they are cancelled.
final class Gate: Sendable {
    private let waiting = Mutex<[AsyncStream<Void>.Continuation]>([])

    func wait() async {
        let (stream, sink) = AsyncStream.makeStream(of: Void.self)
        self.waiting.withLock { $0.append(sink) }
        for await _ in stream {}
    }

    func open() {
        for sink in self.waiting.withLock({ $0 }) { sink.finish() }
    }
}

extension LinkLimits {
    /// The given limits, and long times: for tests on a machine that has other things to do.
    static func patient(
        maximumFrameBytes: Int = 4 << 20, maximumInFlight: Int = 256, maximumQueuedBytes: Int = 16 << 20, pingInterval: Duration = .seconds(2),
        deadAfter: Duration = .seconds(60)
    ) -> LinkLimits {
        LinkLimits(
            maximumFrameBytes: maximumFrameBytes, maximumInFlight: maximumInFlight, maximumQueuedBytes: maximumQueuedBytes,
            pingInterval: pingInterval, deadAfter: deadAfter, openTimeout: .seconds(60))
    }
}

extension LinkServer {
    static func forTests(
        _ journal: Journal = Journal(), gate: Gate = Gate(), port: Int = 0, maximumPeers: Int = 100, limits: LinkLimits = .patient()
    ) throws -> LinkServer {
        let server = LinkServer(
            configuration: LinkServerConfiguration(
                host: "127.0.0.1", port: port, identity: try Identities.shared.get().region, maximumPeers: maximumPeers, software: "region 1.0",
                limits: limits),
            logger: .quiet)
        server.on(Echo.self) { message, _ in message }
        server.on(Repeat.self) { message, _ in Echo(text: String(repeating: "x", count: message.count)) }
        server.on(Note.self) { message, peer in
            journal.add("note \(message.number) from \(peer.identity)")
            return LinkNothing()
        }
        server.on(Fail.self) { message, _ in
            if let code = message.code { throw LinkRefusal(.other(code), "as asked") }
            throw OpenSSLError(.closed, "some error")
        }
        server.on(Hang.self) { _, _ in
            journal.add("hanging")
            await gate.wait()
            return LinkNothing()
        }
        server.onConnect { journal.add("up \($0.identity)") }
        server.onDisconnect { journal.add("down \($0.identity)") }
        return server
    }
}

extension LinkClient {
    static func forTests(
        _ ports: [Int], _ journal: Journal = Journal(), gate: Gate = Gate(), identity: TLSIdentity? = nil, limits: LinkLimits = .patient()
    ) throws -> LinkClient {
        let client = LinkClient(
            configuration: LinkClientConfiguration(
                regions: ports.map { LinkAddress(host: "127.0.0.1", port: $0) }, identity: try identity ?? Identities.shared.get().rack("abc"),
                software: "rack 1.0", firstPause: .milliseconds(10), longestPause: .milliseconds(100), limits: limits),
            logger: .quiet)
        client.on(Echo.self) { message, peer in Echo(text: "\(message.text) from the rack to \(peer.identity)") }
        client.on(Hang.self) { _, _ in
            journal.add("hanging")
            await gate.wait()
            return LinkNothing()
        }
        client.onUp { journal.add("up \($0.identity)") }
        client.onDown { journal.add("down \($0.identity)") }
        return client
    }
}

extension Logger {
    /// Says nothing.
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// Runs a server, and clients of it, around a test.
func withCluster(
    _ server: LinkServer, _ clients: (Int) throws -> [LinkClient], _ body: @Sendable @escaping (Int, [LinkClient]) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        let port = try #require(await server.waitUntilListening())
        let clients = try clients(port)
        for client in clients { group.addTask { try await client.run() } }
        do {
            try await body(port, clients)
        } catch {
            group.cancelAll()
            throw error
        }
        for client in clients { client.shutDown() }
        server.shutDown()
        try await group.waitForAll()
    }
}

/// Waits until a condition holds, at most 60 s.
func eventually(_ what: Comment, _ condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("after 60 s: \(what)", sourceLocation: sourceLocation)
            return
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}

/// A rack that speaks frames by hand, for what an honest client never does.
final class RawRack: Sendable {
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let rack: RawRack
        private var decoder = LinkFrameDecoder(maximumFrameBytes: 64 << 20)

        init(_ rack: RawRack) {
            self.rack = rack
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.decoder.append(self.unwrapInboundIn(data))
            do {
                while let frame = try self.decoder.next() { self.rack.frames.withLock { $0.append(frame) } }
            } catch {
                Issue.record(error)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.rack.closed.withLock { $0 = true }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }

    private let frames = Mutex<[LinkFrame]>([])
    private let closed = Mutex(false)
    private let connected = Mutex<(any Channel)?>(nil)

    var received: [LinkFrame] { self.frames.withLock { $0 } }
    var isClosed: Bool { self.closed.withLock { $0 } }
    var channel: any Channel { get throws { try #require(self.connected.withLock { $0 }) } }
    /// The reason that the server gave for closing.
    var goodbye: String? {
        self.received.last { $0.name == LinkGoodbye.name }.map { String(decoding: $0.body, as: UTF8.self) }
    }

    static func connect(_ port: Int, _ name: String, hello: Bool = true) async throws -> RawRack {
        let rack = RawRack()
        let context = try TLSContext.mutualClient(identity: Identities.shared.get().rack(name))
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        TLSHandler(context: context, limits: LinkSocket.tlsLimits(.patient())), Collector(rack))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        rack.connected.withLock { $0 = channel }
        if hello {
            let body = try LinkCoding.encode(LinkHello(software: "by hand", maximumInFlight: 256, maximumFrameBytes: 4 << 20))
            try await rack.send(LinkFrame(.request, name: LinkHello.name, body: body))
            try await eventually("the hello is answered") { rack.received.contains { $0.kind == .reply } || rack.isClosed }
        }
        return rack
    }

    func send(_ frame: LinkFrame) async throws {
        try await self.send(Array(frame.encoded().readableBytesView))
    }

    func send(_ bytes: [UInt8]) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    func close() {
        try? self.channel.close(promise: nil)  // it may be closed already
    }
}

/// Repeatable pseudo-random numbers (xorshift64*).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    }

    mutating func next() -> UInt64 {
        self.state ^= self.state >> 12
        self.state ^= self.state << 25
        self.state ^= self.state >> 27
        return self.state &* 0x2545_f491_4f6c_dd1d
    }
}

/// A value that several tasks change.
final class Mutexed<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>

    init(_ value: Value) {
        self.storage = Mutex(value)
    }

    var value: Value {
        get { self.storage.withLock { $0 } }
        set { self.storage.withLock { $0 = newValue } }
    }
}
