// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import OpenSSL
import Synchronization

/// An authority and identities of it, made once for all tests.
struct TestIdentities: Sendable {
    let authority: CertificateAuthority
    let region: TLSIdentity
    let rack: TLSIdentity
    let regionFiles: IssuedCertificate
    let rackFiles: IssuedCertificate
    /// A rack of another authority, which trusts ours.
    let rogueRack: TLSIdentity
    /// A region of another authority.
    let rogueRegion: TLSIdentity

    static let shared = Result { try TestIdentities() }

    init() throws {
        func issue(_ authority: CertificateAuthority, _ role: String) throws -> IssuedCertificate {
            try authority.issue(
                commonName: role, subjectAlternativeNames: [.uri(role), .dns("localhost"), .ip("127.0.0.1")], validity: .seconds(3600))
        }
        let authority = try CertificateAuthority.create(commonName: "Gantry test")
        let rogue = try CertificateAuthority.create(commonName: "Gantry test")
        self.authority = authority
        self.regionFiles = try issue(authority, "gantry:region:one")
        self.rackFiles = try issue(authority, "gantry:rack:abc")
        self.region = try TLSIdentity(self.regionFiles, trustedAuthorityPEM: authority.certificatePEM)
        self.rack = try TLSIdentity(self.rackFiles, trustedAuthorityPEM: authority.certificatePEM)
        self.rogueRack = try TLSIdentity(issue(rogue, "gantry:rack:abc"), trustedAuthorityPEM: authority.certificatePEM)
        self.rogueRegion = try TLSIdentity(issue(rogue, "gantry:region:one"), trustedAuthorityPEM: rogue.certificatePEM)
    }
}

extension TLSLimits {
    /// For tests on a machine that has other things to do.
    static let patient = TLSLimits(handshakeTimeout: .seconds(60), closeTimeout: .seconds(60))
}

/// What one end of a connection has seen, for a test to look at.
final class Recording: Sendable {
    struct Contents {
        var handshakes: [TLSHandshakeCompleted] = []
        var received = 0
        var digest = SHA256()
        var text: [UInt8] = []
        var errors: [any Error] = []
        var inputClosed = false
        var isInactive = false
    }

    private let contents = Mutex(Contents())

    var now: Contents { self.contents.withLock { $0 } }
    func change(_ body: (inout Contents) -> Void) { self.contents.withLock { body(&$0) } }
    var errorCodes: [OpenSSLError.Code] { self.now.errors.compactMap { ($0 as? OpenSSLError)?.code } }
    var text: String { String(decoding: self.now.text, as: UTF8.self) }
}

/// The application of a test connection.
final class RecordingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Behaviour: Sendable {
        case record
        case echo
        /// Answers the first line with what it knows of the peer, and closes.
        case greetAndClose
    }

    let recording: Recording
    let behaviour: Behaviour

    init(_ recording: Recording, _ behaviour: Behaviour) {
        self.recording = recording
        self.behaviour = behaviour
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.recording.change {
            $0.received += buffer.readableBytes
            $0.digest.update(buffer.readableBytesView)
            if $0.text.count < 1000 { $0.text += buffer.readableBytesView.prefix(1000) }
        }
        switch self.behaviour {
        case .record: break
        case .echo: context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil)
        case .greetAndClose:
            guard buffer.readableBytesView.contains(0x0a) else { return }
            let peer = self.recording.now.handshakes.first?.peerURIs.joined(separator: " ") ?? ""
            context.write(self.wrapOutboundOut(ByteBuffer(string: "hello ")), promise: nil)
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: "<\(peer)>\n")), promise: nil)
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        self.recording.change {
            if let event = event as? TLSHandshakeCompleted { $0.handshakes.append(event) }
            if let event = event as? ChannelEvent, event == .inputClosed { $0.inputClosed = true }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.recording.change { $0.errors.append(error) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.recording.change { $0.isInactive = true }
    }
}

/// Hands every byte on alone.
final class DripHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        for byte in self.unwrapInboundIn(data).readableBytesView {
            context.fireChannelRead(self.wrapInboundOut(ByteBuffer(bytes: [byte])))
        }
    }
}

/// A TLS server on loopback whose connections are recorded.
final class Listener: Sendable {
    let channel: any Channel
    private let connections: Connections

    private final class Connections: Sendable {
        let list = Mutex<[(any Channel, Recording)]>([])
    }

    private init(channel: any Channel, connections: Connections) {
        self.channel = channel
        self.connections = connections
    }

    var port: Int { self.channel.localAddress?.port ?? 0 }
    var recordings: [Recording] { self.connections.list.withLock { $0.map(\.1) } }
    /// The first connection's recording; empty while nobody has been accepted, which can be after the client thinks that it is connected.
    var first: Recording { self.recordings.first ?? Recording() }
    var channels: [any Channel] { self.connections.list.withLock { $0.map(\.0) } }

    static func with<Result>(
        _ context: TLSContext, expecting: TLSPeerExpectation = .anyTrusted, limits: TLSLimits = .patient,
        _ behaviour: RecordingHandler.Behaviour = .record, drips: Bool = false, _ body: (Listener) async throws -> Result
    ) async throws -> Result {
        let connections = Connections()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: limits.allowsHalfClosure)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let recording = Recording()
                    connections.list.withLock { $0.append((channel, recording)) }
                    if drips { try channel.pipeline.syncOperations.addHandler(DripHandler()) }
                    try channel.pipeline.syncOperations.addHandler(TLSHandler(context: context, expecting: expecting, limits: limits))
                    try channel.pipeline.syncOperations.addHandler(RecordingHandler(recording, behaviour))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let listener = Listener(channel: channel, connections: connections)
        do {
            let result = try await body(listener)
            try await listener.close()
            return result
        } catch {
            try await listener.close()
            throw error
        }
    }

    private func close() async throws {
        try? await self.channel.close()  // it may be closed already, which is as good
        for channel in self.channels { try? await channel.close() }
    }
}

/// A client connection on loopback; without a context, plain TCP.
func dial(
    _ port: Int, _ context: TLSContext?, expecting: TLSPeerExpectation = .anyTrusted, limits: TLSLimits = .patient,
    _ behaviour: RecordingHandler.Behaviour = .record, drips: Bool = false, autoRead: Bool = true
) async throws -> (channel: any Channel, recording: Recording) {
    let recording = Recording()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .channelOption(.autoRead, value: autoRead)
        .channelOption(.allowRemoteHalfClosure, value: limits.allowsHalfClosure)
        .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                if drips { try channel.pipeline.syncOperations.addHandler(DripHandler()) }
                if let context {
                    try channel.pipeline.syncOperations.addHandler(TLSHandler(context: context, expecting: expecting, limits: limits))
                }
                try channel.pipeline.syncOperations.addHandler(RecordingHandler(recording, behaviour))
            }
        }
        .connect(host: "127.0.0.1", port: port).get()
    return (channel, recording)
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
