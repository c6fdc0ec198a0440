// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import OpenSSL

/// Two ends in memory: no network, no clock, no threads.
struct TLSSessionTests {
    let identities: TestIdentities

    init() throws {
        self.identities = try TestIdentities.shared.get()
    }

    private final class End {
        let session: TLSSession
        var peer: TLSHandshakeCompleted?
        var plaintext = ByteBuffer()
        var error: OpenSSLError?
        var isClosed = false

        init(_ context: TLSContext, expecting: TLSPeerExpectation = .anyTrusted) throws {
            self.session = try TLSSession(context: context, expecting: expecting)
        }

        func advance() {
            if self.peer == nil {
                switch self.session.handshake() {
                case .needsMoreBytes: return
                case .completed(let peer): self.peer = peer
                case .failed(let error):
                    self.error = error
                    return
                }
            }
            switch self.session.decrypt(into: &self.plaintext) {
            case .needsMoreBytes: break
            case .closed: self.isClosed = true
            case .failed(let error): self.error = error
            }
        }

        func receive(_ bytes: ArraySlice<UInt8>) throws {
            guard self.error == nil else { return }
            try unsafe bytes.withUnsafeBytes { try unsafe self.session.receive($0) }
            self.advance()
        }

        func takeOutput() -> [UInt8] {
            self.session.takeOutput(ByteBufferAllocator()).map { Array($0.readableBytesView) } ?? []
        }

        func send(_ text: String) throws {
            try unsafe Array(text.utf8).withUnsafeBytes { try unsafe self.session.encrypt($0) }
        }
    }

    /// Carries bytes to and fro in pieces until both are silent; a filter may change them.
    private func pump(_ client: End, _ server: End, piece: Int, _ filter: ([UInt8]) -> [UInt8] = { $0 }) throws {
        client.advance()
        for _ in 0..<50 {
            let toServer = filter(client.takeOutput())
            for start in stride(from: 0, to: toServer.count, by: piece) {
                try server.receive(toServer[start..<min(start + piece, toServer.count)])
            }
            let toClient = filter(server.takeOutput())
            for start in stride(from: 0, to: toClient.count, by: piece) {
                try client.receive(toClient[start..<min(start + piece, toClient.count)])
            }
            if toServer.isEmpty && toClient.isEmpty { return }
        }
    }

    @Test(arguments: [1, 2, 5, 100, 100_000])
    func `a handshake and data get through in pieces of any size`(piece: Int) throws {
        let client = try End(.mutualClient(identity: self.identities.rack), expecting: .role("gantry:region:one"))
        let server = try End(.mutualServer(identity: self.identities.region), expecting: .rolePrefix("gantry:rack:"))
        try self.pump(client, server, piece: piece)
        #expect(client.peer?.peerURIs == ["gantry:region:one"])
        #expect(server.peer?.peerURIs == ["gantry:rack:abc"])
        #expect(server.peer?.protocolVersion == "TLSv1.3")
        #expect(server.peer?.peerExpiresAt == self.identities.rackFiles.expiresAt)
        try client.send("ping")
        try server.send(String(repeating: "pong", count: 10_000))
        try self.pump(client, server, piece: piece)
        #expect(server.plaintext.readableBytes == 4)
        #expect(client.plaintext.readableBytes == 40_000)
        client.session.close()
        try self.pump(client, server, piece: piece)
        #expect(server.isClosed && server.error == nil)
    }

    @Test func `no cut of a flight is fatal, and none completes it`() throws {
        let client = try End(.mutualClient(identity: self.identities.rack))
        client.advance()
        let hello = client.takeOutput()
        let context = try TLSContext.mutualServer(identity: self.identities.region)
        for count in 0..<hello.count {
            let server = try End(context)
            try server.receive(hello[..<count])
            #expect(server.peer == nil && server.error == nil)
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `a changed byte ends the session or is noticed by nobody`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let client = try End(.mutualClient(identity: self.identities.rack))
        let server = try End(.mutualServer(identity: self.identities.region))
        try self.pump(client, server, piece: 4096) { bytes in
            guard !bytes.isEmpty, Int.random(in: 0..<3, using: &generator) == 0 else { return bytes }
            var changed = bytes
            changed[Int.random(in: 0..<bytes.count, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
            return changed
        }
        if client.error == nil, server.error == nil, let peer = server.peer {
            #expect(peer.peerURIs == ["gantry:rack:abc"])
        }
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func `random bytes are refused`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let server = try End(.mutualServer(identity: self.identities.region))
        var bytes = (0..<Int.random(in: 1..<2000, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
        if seed.isMultiple(of: 2), bytes.count > 6 {
            // A header that looks right leads deeper into the parser.
            bytes.replaceSubrange(0..<6, with: [22, 3, 1, UInt8((bytes.count - 5) >> 8), UInt8((bytes.count - 5) & 255), 1])
        }
        try server.receive(bytes[...])
        #expect(server.peer == nil)
        #expect(server.error != nil || bytes.count < 2000)
    }

    @Test func `expectations that do not fit are refused when the session is made`() throws {
        let plain = try TLSContext.server(
            certificateChainPEM: self.identities.regionFiles.certificatePEM, privateKeyPEM: self.identities.regionFiles.privateKeyPEM)
        let client = try TLSContext.client(trustedAuthorityPEM: self.identities.authority.certificatePEM)
        for (context, expectation) in [
            (plain, TLSPeerExpectation.role("x")), (plain, .host("x")), (client, .anyTrusted), (client, .host("")), (client, .host("a\0b")),
        ] {
            #expect(throws: OpenSSLError(.invalidArgument, "")) { try TLSSession(context: context, expecting: expectation) }
        }
    }
}
