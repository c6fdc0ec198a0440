// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Testing

@testable import OpenSSL

/// Both ends are ours, on loopback.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct TLSHandlerTests {
    let identities: TestIdentities
    let server: TLSContext
    let client: TLSContext

    init() throws {
        self.identities = try TestIdentities.shared.get()
        self.server = try TLSContext.mutualServer(identity: self.identities.region)
        self.client = try TLSContext.mutualClient(identity: self.identities.rack)
    }

    @Test func `both ends learn who the other is, and what they say arrives`() async throws {
        try await Listener.with(self.server, expecting: .rolePrefix("gantry:rack:"), .echo) { listener in
            let (channel, recording) = try await dial(listener.port, self.client, expecting: .role("gantry:region:one"))
            // Written before the handshake is complete: it waits in the queue.
            try await channel.writeAndFlush(ByteBuffer(string: "hello"))
            try await eventually("the echo comes back") { recording.text == "hello" }
            #expect(recording.now.handshakes.first?.peerURIs == ["gantry:region:one"])
            #expect(recording.now.handshakes.first?.protocolVersion == "TLSv1.3")
            #expect(listener.first.now.handshakes.first?.peerURIs == ["gantry:rack:abc"])
            #expect(listener.first.now.handshakes.first?.peerFingerprint == self.identities.rack.details.fingerprint)
            try await channel.close()
            try await eventually("the server sees a clean end") { listener.first.now.isInactive }
            #expect(listener.first.now.errors.isEmpty && recording.now.errors.isEmpty)
        }
    }

    @Test func `large transfers both ways arrive whole`() async throws {
        let block = ByteBuffer(bytes: SecureRandom.bytes(1 << 20))
        try await Listener.with(self.server, .echo) { listener in
            let (channel, recording) = try await dial(listener.port, self.client)
            var digest = SHA256()
            for _ in 0..<16 {
                digest.update(block.readableBytesView)
                try await channel.writeAndFlush(block)
            }
            try await eventually("all 16 MiB come back") { recording.now.received == 16 << 20 }
            var received = recording.now.digest
            #expect(received.finalize() == digest.finalize())
            try await channel.close()
        }
    }

    @Test func `many small writes in one flush arrive in order and every promise is kept`() async throws {
        try await Listener.with(self.server, .record) { listener in
            let (channel, recording) = try await dial(listener.port, self.client)
            try await eventually("the handshake") { !recording.now.handshakes.isEmpty }
            var futures: [EventLoopFuture<Void>] = []
            var expected = SHA256()
            for number in 0..<5000 {
                let text = "\(number)\n"
                expected.update(text.utf8)
                futures.append(channel.write(ByteBuffer(string: text)))
                if number == 2500 { futures.append(channel.write(ByteBuffer(repeating: 7, count: 1 << 20))) }
                if number == 2500 { expected.update([UInt8](repeating: 7, count: 1 << 20)) }
                if number == 2600 { futures.append(channel.write(ByteBuffer())) }
            }
            channel.flush()
            for future in futures { try await future.get() }
            try await channel.close()
            try await eventually("the server has all") { listener.first.now.isInactive }
            var received = listener.first.now.digest
            #expect(received.finalize() == expected.finalize())
            #expect(listener.first.now.errors.isEmpty)
        }
    }

    @Test func `one byte at a time is enough`() async throws {
        try await Listener.with(self.server, .echo, drips: true) { listener in
            let (channel, recording) = try await dial(listener.port, self.client, drips: true)
            try await channel.writeAndFlush(ByteBuffer(repeating: 9, count: 50_000))
            try await eventually("the echo comes back") { recording.now.received == 50_000 }
            try await channel.close()
            try await eventually("a clean end") { listener.first.now.isInactive }
            #expect(listener.first.now.errors.isEmpty)
        }
    }

    @Test func `without automatic reading the handshake still completes and data waits to be asked for`() async throws {
        try await Listener.with(self.server, .echo) { listener in
            let (channel, recording) = try await dial(listener.port, self.client, autoRead: false)
            channel.read()
            try await eventually("the handshake") { !recording.now.handshakes.isEmpty }
            try await channel.writeAndFlush(ByteBuffer(string: "hello"))
            channel.read()
            try await eventually("the echo") { recording.text == "hello" }
            try await channel.close()
        }
    }

    @Test func `a client of another authority is refused and told so`() async throws {
        let rogue = try TLSContext.mutualClient(identity: self.identities.rogueRack)
        try await Listener.with(self.server) { listener in
            let (_, recording) = try await dial(listener.port, rogue)
            try await eventually("both ends notice") { recording.now.isInactive && listener.first.now.isInactive }
            #expect(listener.first.now.handshakes.isEmpty)
            #expect(listener.first.errorCodes == [.handshakeFailed])
            #expect(recording.errorCodes == [.handshakeFailed])
            #expect("\(recording.now.errors)".contains("alert"), "the alert arrived: \(recording.now.errors)")
        }
    }

    @Test func `a server of another authority is refused`() async throws {
        try await Listener.with(.mutualServer(identity: self.identities.rogueRegion)) { listener in
            let (_, recording) = try await dial(listener.port, self.client)
            try await eventually("both ends notice") { recording.now.isInactive && listener.first.now.isInactive }
            #expect(recording.now.handshakes.isEmpty && recording.errorCodes == [.handshakeFailed])
            #expect(listener.first.errorCodes == [.handshakeFailed])
        }
    }

    @Test func `a client without a certificate is refused`() async throws {
        let anonymous = try TLSContext.client(trustedAuthorityPEM: self.identities.authority.certificatePEM)
        try await Listener.with(self.server) { listener in
            let (_, recording) = try await dial(listener.port, anonymous, expecting: .host("localhost"))
            try await eventually("both ends notice") { recording.now.isInactive && listener.first.now.isInactive }
            #expect(listener.first.errorCodes == [.handshakeFailed])
            #expect(listener.first.now.handshakes.isEmpty && listener.first.now.received == 0)
        }
    }

    @Test func `a peer in another role is refused by either end`() async throws {
        try await Listener.with(self.server, expecting: .rolePrefix("gantry:region:")) { listener in
            let (_, recording) = try await dial(listener.port, self.client)
            try await eventually("both ends notice") { recording.now.isInactive && listener.first.now.isInactive }
            #expect(listener.first.errorCodes == [.peerRefused])
        }
        try await Listener.with(self.server) { listener in
            let (_, recording) = try await dial(listener.port, self.client, expecting: .role("gantry:region:two"))
            try await eventually("the client notices") { recording.now.isInactive }
            #expect(recording.errorCodes == [.peerRefused] && recording.now.handshakes.isEmpty)
        }
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func `a plain server is checked by its name or address`(host: String) async throws {
        let plain = try TLSContext.server(
            certificateChainPEM: self.identities.regionFiles.certificatePEM, privateKeyPEM: self.identities.regionFiles.privateKeyPEM)
        let client = try TLSContext.client(trustedAuthorityPEM: self.identities.authority.certificatePEM)
        try await Listener.with(plain, .echo) { listener in
            let (channel, recording) = try await dial(listener.port, client, expecting: .host(host))
            try await channel.writeAndFlush(ByteBuffer(string: "hello"))
            try await eventually("the echo") { recording.text == "hello" }
            #expect(listener.first.now.handshakes.first?.peerURIs == [])
            try await channel.close()
            for wrong in ["example.com", "127.0.0.2", "::1"] {
                let (_, recording) = try await dial(listener.port, client, expecting: .host(wrong))
                try await eventually("the client notices") { recording.now.isInactive }
                #expect(recording.errorCodes == [.handshakeFailed] && recording.now.handshakes.isEmpty)
                #expect("\(recording.now.errors)".contains("mismatch"))
            }
        }
    }

    @Test func `garbage ends its own connection only`() async throws {
        try await Listener.with(self.server, .echo) { listener in
            for seed in 0..<20 as Range<UInt64> {
                var generator = SeededGenerator(seed: seed)
                let (channel, recording) = try await dial(listener.port, nil)
                let bytes = (0..<4000).map { _ in UInt8.random(in: 0...255, using: &generator) }
                channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
                try await eventually("the server cuts it off") { recording.now.isInactive }
            }
            #expect(listener.recordings.allSatisfy { $0.now.handshakes.isEmpty })
            let (channel, recording) = try await dial(listener.port, self.client)
            try await channel.writeAndFlush(ByteBuffer(string: "hello"))
            try await eventually("an honest client is served") { recording.text == "hello" }
            try await channel.close()
        }
    }

    @Test func `garbage after the handshake ends the connection`() async throws {
        try await Listener.with(self.server, .record) { listener in
            let (channel, recording) = try await dial(listener.port, self.client)
            try await eventually("the handshake") { !listener.first.now.handshakes.isEmpty }
            try await channel.eventLoop.submit {
                // Below the TLS handler: straight to the network.
                let context = try channel.pipeline.syncOperations.context(handlerType: TLSHandler.self)
                context.writeAndFlush(NIOAny(ByteBuffer(bytes: [23, 3, 3, 0, 40] + [UInt8](repeating: 1, count: 40))), promise: nil)
            }.get()
            try await eventually("both ends notice") { recording.now.isInactive && listener.first.now.isInactive }
            #expect(listener.first.errorCodes == [.malformed])
        }
    }

    @Test func `an end without the closing notice is an error`() async throws {
        try await Listener.with(self.server) { listener in
            let (channel, _) = try await dial(listener.port, self.client)
            try await eventually("the handshake") { !listener.first.now.handshakes.isEmpty }
            try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.context(handlerType: TLSHandler.self).close(promise: nil)
            }.get()
            try await eventually("the server notices") { listener.first.now.isInactive }
            #expect(listener.first.errorCodes == [.truncated])
        }
    }

    @Test func `a silent client is cut off when its time is over`() async throws {
        try await Listener.with(self.server, limits: TLSLimits(handshakeTimeout: .milliseconds(50))) { listener in
            let (_, recording) = try await dial(listener.port, nil)
            try await eventually("the server cuts it off") { recording.now.isInactive }
            #expect(listener.first.errorCodes == [.limitExceeded])
        }
    }

    @Test func `a handshake that is too long is cut off`() async throws {
        try await Listener.with(self.server, limits: TLSLimits(maximumHandshakeBytes: 300)) { listener in
            let (_, recording) = try await dial(listener.port, self.client)
            try await eventually("the client notices") { recording.now.isInactive }
            #expect(listener.first.errorCodes == [.limitExceeded])
        }
    }

    @Test func `writes before the handshake are bounded, and fail when it fails`() async throws {
        // A server that never answers: plain TCP that nobody reads as TLS.
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(silent.localAddress?.port)
        let (channel, _) = try await dial(port, self.client, limits: TLSLimits(maximumQueuedBytes: 1000))
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.writeAndFlush(ByteBuffer(repeating: 1, count: 1000), promise: promise)
        await #expect(throws: OpenSSLError(.limitExceeded, "")) { try await channel.writeAndFlush(ByteBuffer(repeating: 1, count: 1)) }
        try await channel.close()
        await #expect(throws: (any Error).self) { try await promise.futureResult.get() }
        try await silent.close()
    }

    @Test func `one direction can be closed while the other goes on`() async throws {
        let limits = TLSLimits(allowsHalfClosure: true)
        try await Listener.with(self.server, limits: limits) { listener in
            let (channel, recording) = try await dial(listener.port, self.client, limits: limits)
            try await eventually("the handshake") { !listener.first.now.handshakes.isEmpty }
            try await channel.writeAndFlush(ByteBuffer(string: "question"))
            try await channel.close(mode: .output)
            try await eventually("the server sees the end of the question") { listener.first.now.inputClosed }
            #expect(listener.first.text == "question")
            try await listener.channels[0].writeAndFlush(ByteBuffer(string: "answer"))
            try await eventually("the answer comes") { recording.text == "answer" }
            try await listener.channels[0].close()
            try await eventually("a clean end") { recording.now.isInactive }
            #expect(recording.now.errors.isEmpty && listener.first.now.errors.isEmpty)
            await #expect(throws: (any Error).self) { try await channel.writeAndFlush(ByteBuffer(string: "late")) }
        }
    }

    @Test func `closing does not wait for ever for a peer that does not read`() async throws {
        let limits = TLSLimits(closeTimeout: .milliseconds(50))
        try await Listener.with(self.server, limits: limits) { listener in
            let (channel, recording) = try await dial(listener.port, self.client)
            try await eventually("the handshake") { !listener.first.now.handshakes.isEmpty }
            try await channel.setOption(.autoRead, value: false).get()
            listener.channels[0].writeAndFlush(ByteBuffer(repeating: 0, count: 64 << 20), promise: nil)
            try await listener.channels[0].close()
            try await channel.setOption(.autoRead, value: true).get()
            try await eventually("the client sees the end") { recording.now.isInactive }
            #expect(recording.errorCodes.contains(.truncated))
        }
    }

    @Test func `a hundred connections at once are served`() async throws {
        try await Listener.with(self.server, .echo) { listener in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        let (channel, recording) = try await dial(listener.port, self.client)
                        try await channel.writeAndFlush(ByteBuffer(string: "\(number)"))
                        try await eventually("the echo") { recording.text == "\(number)" }
                        try await channel.close()
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
