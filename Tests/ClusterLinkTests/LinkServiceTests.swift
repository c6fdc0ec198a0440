// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ClusterMessages
import NIOCore
import OpenSSL
import Synchronization
import Testing

@testable import ClusterLink

/// Real sockets and real TLS on loopback.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct LinkServiceTests {
    let journal = Journal()

    @Test func `requests are answered in both directions`() async throws {
        let server = try LinkServer.forTests(self.journal)
        try await withCluster(server, { [try .forTests([$0], self.journal)] }) { _, clients in
            let region = try await clients[0].waitUntilUp(within: .seconds(60))
            #expect(region.identity == "gantry:region:one" && region.software == "region 1.0")
            #expect(try await clients[0].send(Echo(text: "hellö"), deadline: .seconds(60)) == Echo(text: "hellö"))
            try await eventually("the region has its peer") { server.peer("gantry:rack:abc") != nil }
            let rack = try #require(server.peer("gantry:rack:abc"))
            #expect(rack.software == "rack 1.0" && rack.remoteAddress.hasPrefix("127.0.0.1:") && rack.certificateFingerprint.count == 64)
            let reply = try await rack.send(Echo(text: "hello"), deadline: .seconds(60))
            #expect(reply.text == "hello from the rack to gantry:region:one")
        }
        #expect(self.journal.count("up gantry:rack:abc") == 1 && self.journal.count("down gantry:rack:abc") == 1)
        #expect(self.journal.count("up gantry:region:one") == 1 && self.journal.count("down gantry:region:one") == 1)
    }

    @Test func `a thousand concurrent requests each get their own answer`() async throws {
        let server = try LinkServer.forTests(self.journal)
        try await withCluster(server, { [try .forTests([$0])] }) { _, clients in
            let region = try await clients[0].waitUntilUp(within: .seconds(60))
            let answers = try await withThrowingTaskGroup(of: (Int, String).self, returning: [Int: String].self) { group in
                for number in 0..<1000 {
                    group.addTask { (number, try await region.send(Echo(text: "\(number)"), deadline: .seconds(60)).text) }
                }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            #expect(answers.count == 1000 && answers.allSatisfy { "\($0.key)" == $0.value })
            let core = region.connection.state.withLock { ($0.core, $0.requests.count) }
            #expect(core.0.inFlight.isEmpty && core.0.waiting.isEmpty && core.1 == 0)
        }
    }

    @Test func `large messages pass up to the limit and not beyond`() async throws {
        let limits = LinkLimits.patient(maximumFrameBytes: 1 << 20)
        let server = try LinkServer.forTests(limits: limits)
        try await withCluster(server, { [try .forTests([$0])] }) { _, clients in
            let region = try await clients[0].waitUntilUp(within: .seconds(60))
            let large = Echo(text: String(repeating: "x", count: (1 << 20) - 100))
            #expect(try await region.send(large, deadline: .seconds(60)) == large)
            // The server said in its hello what it takes: we do not even try.
            let tooLarge = Echo(text: String(repeating: "x", count: 1 << 20))
            await #expect(throws: LinkError.frameTooLarge(bytes: (1 << 20) + 34, limit: 1 << 20)) {
                try await region.send(tooLarge, deadline: .seconds(60))
            }
            do {
                _ = try await region.send(Repeat(count: 1 << 20), deadline: .seconds(60))
                Issue.record("a reply beyond the limit came")
            } catch LinkError.refused(let refusal) {
                #expect(refusal.code == .replyTooLarge)
            }
            #expect(region.isOpen)
        }
    }

    @Test func `a handler that throws refuses its request and nothing else`() async throws {
        let server = try LinkServer.forTests()
        try await withCluster(server, { [try .forTests([$0])] }) { _, clients in
            let region = try await clients[0].waitUntilUp(within: .seconds(60))
            await #expect(throws: LinkError.refused(LinkRefusal(.other("poolExhausted"), "as asked"))) {
                try await region.send(Fail(code: "poolExhausted"), deadline: .seconds(60))
            }
            await #expect(throws: LinkError.refused(LinkRefusal(.handlerFailed, "closed: some error"))) {
                try await region.send(Fail(code: nil), deadline: .seconds(60))
            }
            await #expect(throws: LinkError.refused(LinkRefusal(.unknownMessage, "test.unheard"))) {
                try await region.send(Unheard(), deadline: .seconds(60))
            }
            await #expect(throws: LinkError.refused(LinkRefusal(.malformedMessage, "test.echo: text is not String"))) {
                try await region.send(OtherEcho(text: 1), deadline: .seconds(60))
            }
            #expect(try await region.send(Echo(text: "still there"), deadline: .seconds(60)).text == "still there")
        }
    }

    @Test func `a request without an answer ends at its deadline, and the late answer is nobody's`() async throws {
        let gate = Gate()
        let server = try LinkServer.forTests(self.journal, gate: gate)
        try await withCluster(server, { [try .forTests([$0])] }) { _, clients in
            let region = try await clients[0].waitUntilUp(within: .seconds(60))
            await #expect(throws: LinkError.deadlineExceeded) { try await region.send(Hang(), deadline: .milliseconds(50)) }
            await #expect(throws: LinkError.deadlineExceeded) { try await region.send(Hang(), deadline: .zero) }
            try await eventually("the handler runs") { self.journal.count("hanging") == 1 }
            gate.open()
            #expect(try await region.send(Echo(text: "next"), deadline: .seconds(60)).text == "next")
        }
    }

    @Test func `a cancelled request ends at once`() async throws {
        let gate = Gate()
        let server = try LinkServer.forTests(self.journal, gate: gate)
        try await withCluster(server, { [try .forTests([$0])] }) { _, clients in
            let region = try await clients[0].waitUntilUp(within: .seconds(60))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await region.send(Hang(), deadline: .seconds(60)) }
                try await eventually("the handler runs") { self.journal.count("hanging") == 1 }
                group.cancelAll()
                await #expect(throws: CancellationError.self) { try await group.waitForAll() }
            }
            gate.open()
            #expect(region.connection.state.withLock { $0.requests.isEmpty })
        }
    }

    @Test func `events arrive and are not answered`() async throws {
        let server = try LinkServer.forTests(self.journal)
        try await withCluster(server, { [try .forTests([$0])] }) { _, clients in
            _ = try await clients[0].waitUntilUp(within: .seconds(60))
            for number in 0..<100 { try clients[0].notify(Note(number: number)) }
            try clients[0].notify(Unheard())
            try await eventually("all have come") { self.journal.all.count { $0.hasPrefix("note") } == 100 }
            #expect(clients[0].isUp)
        }
    }

    @Test func `without a link sending fails at once`() async throws {
        let client = try LinkClient.forTests([1])
        await #expect(throws: LinkError.notConnected) { try await client.send(Echo(text: ""), deadline: .seconds(60)) }
        #expect(throws: LinkError.notConnected) { try client.notify(Note(number: 1)) }
        await #expect(throws: LinkError.deadlineExceeded) { try await client.waitUntilUp(within: .milliseconds(20)) }
    }

    @Test func `the client comes back by itself when the server is restarted, and open requests fail`() async throws {
        let port = Mutexed(0)
        let client = Mutexed<LinkClient?>(nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for round in 0..<3 {
                let server = try LinkServer.forTests(self.journal, port: port.value)
                group.addTask { try await server.run() }
                port.value = try #require(await server.waitUntilListening())
                if client.value == nil {
                    let first = try LinkClient.forTests([port.value])
                    client.value = first
                    group.addTask { try await first.run() }
                }
                let running = try #require(client.value)
                let region = try await running.waitUntilUp(within: .seconds(60))
                #expect(try await running.send(Echo(text: "\(round)"), deadline: .seconds(60)).text == "\(round)")
                try await withThrowingTaskGroup(of: Void.self) { requests in
                    let hanging = self.journal.count("hanging")
                    requests.addTask { _ = try await region.send(Hang(), deadline: .seconds(60)) }
                    try await eventually("the request is being handled") { self.journal.count("hanging") > hanging }
                    server.shutDown()
                    let error = await #expect(throws: LinkError.self) { try await requests.waitForAll() }
                    #expect(error?.description.hasPrefix("the link was closed") == true)
                }
                try await eventually("the server has gone") { server.boundPort == nil }
                try await eventually("the client has noticed") { running.peer == nil }
            }
            client.value?.shutDown()
            try await group.waitForAll()
        }
    }

    @Test func `a client goes to the next region when the first does not answer`() async throws {
        let server = try LinkServer.forTests()
        // Port 1 refuses connections.
        try await withCluster(server, { [try .forTests([1, $0, 1])] }) { _, clients in
            _ = try await clients[0].waitUntilUp(within: .seconds(60))
            #expect(try await clients[0].send(Echo(text: "x"), deadline: .seconds(60)).text == "x")
        }
    }

    @Test func `a newer link of one identity takes the place of the older`() async throws {
        let server = try LinkServer.forTests(self.journal)
        try await withCluster(server, { _ in [] }) { port, _ in
            let older = try await RawRack.connect(port, "twin")
            try await eventually("the older is served") { self.journal.count("up gantry:rack:twin") == 1 }
            let newer = try await RawRack.connect(port, "twin")
            try await eventually("the older is closed") { older.isClosed }
            #expect(older.goodbye == LinkGoodbye.replaced)
            try await eventually("both callbacks came") {
                self.journal.count("up gantry:rack:twin") == 2 && self.journal.count("down gantry:rack:twin") == 1
            }
            #expect(!newer.isClosed && server.peer("gantry:rack:twin") != nil)
            newer.close()
            try await eventually("the newer is gone too") { server.peer("gantry:rack:twin") == nil }
        }
    }

    @Test func `no more peers than allowed are let in, and there is room again when one leaves`() async throws {
        let server = try LinkServer.forTests(maximumPeers: 2)
        try await withCluster(server, { _ in [] }) { port, _ in
            let first = try await RawRack.connect(port, "1")
            let second = try await RawRack.connect(port, "2")
            let third = try await RawRack.connect(port, "3")
            try await eventually("the third is sent away") { third.isClosed }
            #expect(third.goodbye == LinkGoodbye.full)
            #expect(server.peers.map(\.identity) == ["gantry:rack:1", "gantry:rack:2"])
            first.close()
            try await eventually("there is room") { server.peers.count == 1 }
            let fourth = try await RawRack.connect(port, "4")
            try await eventually("the fourth is in") { server.peers.map(\.identity) == ["gantry:rack:2", "gantry:rack:4"] }
            second.close()
            fourth.close()
        }
    }

    @Test func `a rack that is not admitted is told so`() async throws {
        let server = try LinkServer.forTests()
        server.admits { identity, fingerprint in identity != "gantry:rack:removed" && fingerprint.count == 64 }
        try await withCluster(server, { _ in [] }) { port, _ in
            let removed = try await RawRack.connect(port, "removed")
            try await eventually("it is sent away") { removed.isClosed }
            #expect(removed.goodbye == LinkGoodbye.notAdmitted)
            let welcome = try await RawRack.connect(port, "welcome")
            #expect(!welcome.isClosed)
            welcome.close()
        }
    }

    @Test func `a rack with a certificate of another authority never gets a link`() async throws {
        let server = try LinkServer.forTests(self.journal)
        let rogue = try Identities.shared.get().rogueRack
        try await withCluster(server, { [try .forTests([$0], self.journal, identity: rogue), try .forTests([$0])] }) { _, clients in
            _ = try await clients[1].waitUntilUp(within: .seconds(60))
            await #expect(throws: LinkError.deadlineExceeded) { try await clients[0].waitUntilUp(within: .milliseconds(500)) }
            #expect(server.peers.map(\.identity) == ["gantry:rack:abc"])
        }
        #expect(self.journal.all.allSatisfy { !$0.contains("rogue") } && self.journal.count("up gantry:region:one") == 0)
    }

    @Test func `a frame that is too large ends its link only`() async throws {
        let server = try LinkServer.forTests(limits: .patient(maximumFrameBytes: 2048))
        try await withCluster(server, { [try .forTests([$0])] }) { port, clients in
            _ = try await clients[0].waitUntilUp(within: .seconds(60))
            let raw = try await RawRack.connect(port, "raw")
            try await raw.send(LinkFrame(.event, name: "x", body: [UInt8](repeating: 0, count: 3000)))
            try await eventually("it is sent away") { raw.isClosed }
            #expect(raw.goodbye == "protocol violation: a frame of 3015 bytes, expected at most 2048")
            #expect(clients[0].isUp)
        }
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `garbage after the handshake or after the hello ends its link only`(seed: UInt64) async throws {
        let server = try LinkServer.forTests()
        try await withCluster(server, { _ in [] }) { port, _ in
            var generator = SeededGenerator(seed: seed)
            let raw = try await RawRack.connect(port, "raw", hello: seed.isMultiple(of: 2))
            let bytes = (0..<500).map { _ in UInt8.random(in: 0...255, using: &generator) }
            try? await raw.send(bytes)  // the server may be faster
            try await eventually("it is sent away") { raw.isClosed }
            #expect(raw.goodbye?.hasPrefix("protocol violation") == true)
            let next = try await RawRack.connect(port, "raw")
            #expect(!next.isClosed)
            next.close()
        }
    }

    @Test(arguments: [
        LinkFrame(.request, requestID: 1, name: "test.echo", body: Array(#"{"text":"x"}"#.utf8)), LinkFrame(.ping), LinkFrame(.reply),
        LinkFrame(.request, name: "link.hello", body: Array("{}".utf8)), LinkFrame(.request, name: "link.hello", body: Array("no".utf8)),
    ])
    func `a first frame that is no hello ends the link`(frame: LinkFrame) async throws {
        let server = try LinkServer.forTests(self.journal)
        try await withCluster(server, { _ in [] }) { port, _ in
            let raw = try await RawRack.connect(port, "raw", hello: false)
            try await raw.send(frame)
            try await eventually("it is sent away") { raw.isClosed }
            #expect(raw.goodbye?.hasPrefix("protocol violation") == true)
        }
        #expect(self.journal.all.isEmpty)
    }

    @Test func `bytes of later versions are tolerated`() async throws {
        let server = try LinkServer.forTests()
        try await withCluster(server, { _ in [] }) { port, _ in
            let raw = try await RawRack.connect(port, "raw")
            var later = Array(LinkFrame(.ping, requestID: 1).encoded().readableBytesView)
            later[5] = 0x1f
            later[6] = 77
            try await raw.send(later)
            try await raw.send(LinkFrame(.reply, requestID: 12345, name: "?"))
            let body = Array(#"{"text":"x","added":{"in":["a","later","release"]}}"#.utf8)
            try await raw.send(LinkFrame(.request, requestID: 9, name: "test.echo", body: body))
            try await eventually("the request is answered") { raw.received.contains { $0.kind == .reply && $0.requestID == 9 } }
            raw.close()
        }
    }

    @Test func `more requests at once than allowed are refused as busy`() async throws {
        let gate = Gate()
        let server = try LinkServer.forTests(self.journal, gate: gate, limits: .patient(maximumInFlight: 4))
        try await withCluster(server, { _ in [] }) { port, _ in
            let raw = try await RawRack.connect(port, "raw")
            for id in 1...10 as ClosedRange<UInt64> {
                try await raw.send(LinkFrame(.request, requestID: id, name: "test.hang", body: Array("{}".utf8)))
            }
            // Twice the window is handled; the peer may use a place again before this end has counted it as free.
            try await eventually("two are refused") { raw.received.count { $0.kind == .refusal && $0.name == "busy" } == 2 }
            try await eventually("eight are handled") { self.journal.count("hanging") == 8 }
            gate.open()
            try await eventually("eight are answered") { raw.received.count { $0.kind == .reply } == 9 }
            raw.close()
        }
    }

    @Test func `a peer that does not read fills a bounded queue and then the link is given up`() async throws {
        let limits = LinkLimits.patient(
            maximumFrameBytes: 1 << 20, maximumQueuedBytes: 4 << 20, pingInterval: .milliseconds(100), deadAfter: .seconds(2))
        let server = try LinkServer.forTests(limits: limits)
        try await withCluster(server, { _ in [] }) { port, _ in
            let raw = try await RawRack.connect(port, "slow")
            try await raw.channel.setOption(.autoRead, value: false).get()
            try await eventually("the peer is there") { server.peer("gantry:rack:slow") != nil }
            let peer = try #require(server.peer("gantry:rack:slow"))
            let megabyte = Echo(text: String(repeating: "x", count: 1_000_000))
            var sent = 0
            do {
                // The kernel's socket buffers take some; 100 MB are more than they have.
                while sent < 100 {
                    try peer.notify(megabyte)
                    sent += 1
                }
                Issue.record("100 MB were taken for a peer that reads nothing")
            } catch {
                #expect(error as? LinkError == .queueFull)
            }
            #expect(peer.connection.state.withLock { $0.core.queuedBytes } <= 4 << 20)
            await #expect(throws: LinkError.queueFull) { try await peer.send(megabyte, deadline: .seconds(60)) }
            // It goes on sending pings, so it is not silent; but it reads nothing.
            try await eventually("the link is given up") {
                try? raw.channel.writeAndFlush(LinkFrame(.ping).encoded(), promise: nil)
                return !peer.isOpen
            }
            #expect(peer.connection.endReason?.contains("has read nothing") == true, "\(peer.connection.endReason ?? "")")
            raw.close()
        }
    }

    @Test func `a peer that asks and does not read the answers is cut off with bounded memory`() async throws {
        let limits = LinkLimits.patient(
            maximumFrameBytes: 1 << 20, maximumInFlight: 16, maximumQueuedBytes: 2 << 20, pingInterval: .milliseconds(100), deadAfter: .seconds(2))
        let server = try LinkServer.forTests(limits: limits)
        try await withCluster(server, { _ in [] }) { port, _ in
            let raw = try await RawRack.connect(port, "greedy")
            try await eventually("the peer is there") { server.peer("gantry:rack:greedy") != nil }
            let peer = try #require(server.peer("gantry:rack:greedy"))
            try await raw.channel.setOption(.autoRead, value: false).get()
            let body = Array(#"{"count":900000}"#.utf8)
            for id in 0..<200 as Range<UInt64> {
                try? await raw.send(LinkFrame(.request, requestID: id, name: "test.repeat", body: body))
                #expect(peer.connection.state.withLock { $0.core.queuedBytes } <= 2 << 20)
            }
            try await eventually("the link is given up") { !peer.isOpen }
            raw.close()
        }
    }

    @Test func `a silent peer is dead after its time`() async throws {
        let limits = LinkLimits.patient(pingInterval: .milliseconds(50), deadAfter: .milliseconds(500))
        let server = try LinkServer.forTests(limits: limits)
        try await withCluster(server, { _ in [] }) { port, _ in
            // It does not answer pings.
            let raw = try await RawRack.connect(port, "silent")
            try await eventually("it is cut off") { raw.isClosed }
            #expect(raw.received.contains { $0.kind == .ping })
        }
    }

    @Test func `keepalive holds a quiet link and measures it`() async throws {
        let limits = LinkLimits.patient(pingInterval: .milliseconds(20), deadAfter: .seconds(5))
        let server = try LinkServer.forTests(self.journal, limits: limits)
        try await withCluster(server, { [try .forTests([$0], limits: limits)] }) { _, clients in
            let region = try await clients[0].waitUntilUp(within: .seconds(60))
            try await eventually("a ping came back") { region.roundTrip != nil }
            let pings = region.connection.state.withLock { $0.pingNumber }
            try await eventually("more pings") { region.connection.state.withLock { $0.pingNumber } > pings + 5 }
            #expect(region.isOpen && self.journal.count("up gantry:rack:abc") == 1)
        }
    }

    @Test func `a flood of pings is answered without growing`() async throws {
        let server = try LinkServer.forTests()
        try await withCluster(server, { _ in [] }) { port, _ in
            let raw = try await RawRack.connect(port, "flood")
            let pings = (0..<5000).flatMap { Array(LinkFrame(.ping, requestID: UInt64($0)).encoded().readableBytesView) }
            try await raw.send(pings)
            try await raw.send(LinkFrame(.request, requestID: 1, name: "test.echo", body: Array(#"{"text":"x"}"#.utf8)))
            try await eventually("the request is answered") { raw.received.contains { $0.kind == .reply && $0.requestID == 1 } }
            #expect(raw.received.contains { $0.kind == .pong })
            raw.close()
        }
    }

    @Test func `fifty racks are served at once`() async throws {
        let server = try LinkServer.forTests()
        let names = (0..<50).map { "r\($0)" }
        try await withCluster(
            server, { port in try names.map { try .forTests([port], identity: Identities.shared.get().rack($0)) } }
        ) { _, clients in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in clients {
                    group.addTask {
                        _ = try await client.waitUntilUp(within: .seconds(60))
                        #expect(try await client.send(Echo(text: "x"), deadline: .seconds(60)).text == "x")
                    }
                }
                try await group.waitForAll()
            }
            try await eventually("all are known") { server.peers.count == 50 }
            for peer in server.peers {
                #expect(try await peer.send(Echo(text: "y"), deadline: .seconds(60)).text.hasPrefix("y from the rack"))
            }
        }
    }

    @Test func `a port that is taken is an error`() async throws {
        let server = try LinkServer.forTests()
        try await withCluster(server, { _ in [] }) { port, _ in
            let second = try LinkServer.forTests(port: port)
            await #expect(throws: (any Error).self) { try await second.run() }
            #expect(await second.waitUntilListening() == nil)
        }
    }

    @Test func `cancelling ends both ends`() async throws {
        let server = try LinkServer.forTests(self.journal)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let port = try #require(await server.waitUntilListening())
            let client = try LinkClient.forTests([port])
            group.addTask { try await client.run() }
            let region = try await client.waitUntilUp(within: .seconds(60))
            try await eventually("the region has its peer") { self.journal.count("up gantry:rack:abc") == 1 }
            group.cancelAll()
            try await group.waitForAll()
            #expect(!region.isOpen && server.boundPort == nil)
            await #expect(throws: LinkError.notConnected) { try await client.waitUntilUp(within: .seconds(60)) }
        }
    }
}
