// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import Domain
import Glibc
import Rack
import Synchronization
import TFTP
import TestSupport
import Testing
import Transfers

@Suite struct TFTPServiceTests {
    /// Runs the body with a server on loopback.
    static func serving(
        _ configuration: TFTPServiceConfiguration = TFTPServiceConfiguration(port: 0, maximumSessions: 32),
        fixture: BootFixture? = nil, _ body: (BootFixture, TFTPService) async throws -> Void
    ) async throws {
        let fixture = try fixture ?? BootFixture()
        let service = try TFTPService(
            configuration: configuration, answers: fixture.answers, content: fixture.content, fetches: fixture.fetches,
            observations: fixture.observations, logger: fixture.logger)
        try await fixture.serving {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await service.run() }
                try await body(fixture, service)
                group.cancelAll()
            }
        }
    }

    /// Longer than what is turned into netascii.
    static var big: [UInt8] { BootFixture.pattern(1 << 20 + 1) }

    static func error(_ client: TFTPTestClient) async throws -> TFTPErrorCode? {
        guard case .error(let code, let message)? = try await client.receive()?.packet else { return nil }
        #expect(!message.isEmpty)
        return code
    }

    @Test func `curl reads configurations and files with any block size`() async throws {
        try await Self.serving { fixture, service in
            fixture.answers.put(BootFixture.intent(.commissioning))
            let file = BootFixture.pattern(100_000)
            fixture.answers.setLoaders(["lpxelinux.0": try fixture.content.insert(file)])
            let base = "tftp://127.0.0.1:\(service.port)/"
            for size in ["8", "512", "1468", "65464"] {
                let result = try await execute("curl", ["-sS", "--tftp-blksize", size, base + "lpxelinux.0"])
                #expect(result.output == file, "blksize \(size): \(result.error)")
            }
            let plain = try await execute("curl", ["-sS", "--tftp-no-options", base + "lpxelinux.0"])
            #expect(plain.output == file, "\(plain.error)")
            let text = try await execute("curl", ["-sS", base + "pxelinux.cfg/01-52-54-00-ab-cd-ef"])
            #expect(String(decoding: text.output, as: UTF8.self).contains("  LINUX images/"))
            let missing = try await execute("curl", ["-sS", base + "grub/nothing"])
            #expect(missing.status == "exited(68)", "\(missing.error)")  // CURLE_TFTP_NOTFOUND
            // One of the names that pxelinux only tries: no line in the timeline.
            _ = try await execute("curl", ["-sS", base + "pxelinux.cfg/0A630001"])
            try await eventually("the timeline has all") { fixture.observed(.tftpDone).count == 6 && fixture.observed(.tftpFailed).count == 1 }
            let done = fixture.observed(.tftpDone)
            #expect(done[0].bytes == 100_000 && done[0].name == "lpxelinux.0" && done[0].client == IPAddress("127.0.0.1"))
            #expect(done[5].macAddress == BootFixture.mac)
            #expect(fixture.observed(.tftpRequest).last?.purpose == .commissioning)
            #expect(service.counted.completed == 6 && service.counted.refused == 2)
        }
    }

    @Test(arguments: [1, 2, 7, 32, 64]) func `windows carry a file`(window: Int) async throws {
        let configuration = TFTPServiceConfiguration(
            port: 0, maximumSessions: 4, transfer: ReadTransferConfiguration(maximumWindowSize: 64))
        try await Self.serving(configuration) { fixture, service in
            let file = BootFixture.pattern(1468 * 200)
            fixture.answers.setLoaders(["/grub/x.mod": try fixture.content.insert(file)])
            let client = try TFTPTestClient()
            let result = try await client.read("//grub\\x.mod", from: UInt16(service.port), blockSize: 1468, windowSize: window)
            #expect(result.bytes == file && result.blocks == 201)
        }
    }

    @Test func `EDK2 asks for the size, ends that with error 8, and asks again from the same port`() async throws {
        try await Self.serving { fixture, service in
            let file = BootFixture.pattern(5000)
            fixture.answers.setLoaders(["bootx64.efi": try fixture.content.insert(file)])
            let client = try TFTPTestClient()
            client.send(
                TFTPTestClient.request("bootx64.efi", [("tsize", "0"), ("blksize", "1468"), ("windowsize", "4")]), to: UInt16(service.port))
            let answer = try await client.receive()
            #expect(
                answer?.packet
                    == .optionAcknowledgement([
                        TFTPOption(name: "tsize", value: "5000"), TFTPOption(name: "blksize", value: "1468"),
                        TFTPOption(name: "windowsize", value: "4"),
                    ]))
            #expect(service.transferPorts.contains(Int(client.serverPort)) && client.serverPort != UInt16(service.port))
            client.send(.error(.optionsRefused, message: "User aborted the transfer"), to: client.serverPort)
            let result = try await client.read("bootx64.efi", from: UInt16(service.port), blockSize: 1468, windowSize: 4)
            #expect(result.bytes == file)
            try await eventually("both ended well") { fixture.observed(.tftpDone).count == 2 }
            #expect(fixture.observed(.tftpDone).first?.detail.hasPrefix("asked for the size only") == true)
            #expect(fixture.observed(.tftpFailed).isEmpty)
        }
    }

    @Test func `a lost error 8 is made up for by the next request`() async throws {
        try await Self.serving { fixture, service in
            fixture.answers.setLoaders(["a": try fixture.content.insert([1, 2, 3])])
            let client = try TFTPTestClient()
            client.send(TFTPTestClient.request("a", [("tsize", "0")]), to: UInt16(service.port))
            _ = try await client.receive()
            #expect(try await client.read("a", from: UInt16(service.port), blockSize: 512, windowSize: 1).bytes == [1, 2, 3])
        }
    }

    @Test func `what is not served is refused with a reason`() async throws {
        try await Self.serving { fixture, service in
            let port = UInt16(service.port)
            let client = try TFTPTestClient()
            client.send(.writeRequest(TFTPRequest(filename: "x")), to: port)
            #expect(try await Self.error(client) == .accessViolation)
            client.send(TFTPTestClient.request("nothing"), to: port)
            #expect(try await Self.error(client) == .fileNotFound)
            fixture.answers.setLoaders(["binary": try fixture.content.insert([1, 10, 2]), "big": try fixture.content.insert(Self.big)])
            client.send(TFTPTestClient.request("big", mode: .netascii), to: port)
            #expect(try await Self.error(client) == .illegalOperation)
            client.send(TFTPTestClient.request("binary", mode: .mail), to: port)
            #expect(try await Self.error(client) == .illegalOperation)
            client.send([0, 1, 0x61, 0, 0x78, 0], to: port)
            #expect(try await Self.error(client) == .illegalOperation)
        }
    }

    static let traversals = [
        "../../etc/passwd", "/../etc/passwd", "..", "a/../../b", "..\\..\\etc\\passwd", "/boot/../../etc/passwd", "images/../../x", "x/..",
        "a\u{1}b", "\u{7f}", "/", "\\", ".", String(repeating: "a", count: 600),
    ]

    @Test(arguments: traversals) func `a name that leaves the tree, or is none, is refused`(name: String) async throws {
        try await Self.serving { _, service in
            let client = try TFTPTestClient()
            client.send(TFTPTestClient.request(name), to: UInt16(service.port))
            let code = try await Self.error(client)
            #expect(code == .accessViolation || code == .fileNotFound)
            #expect(service.counted.transfers == 0)
        }
    }

    @Test func `the clients that distributions have read texts and files`() async throws {
        try await Self.serving { fixture, service in
            fixture.answers.put(BootFixture.intent(.local))
            let file = BootFixture.pattern(300_001)
            fixture.answers.setLoaders(["loader": try fixture.content.insert(file), "rfc1350": try fixture.content.insert(Array("a\nb\r\n".utf8))])
            let (port, path) = ("\(service.port)", "\(fixture.content.directory)/got")
            let commands: [[String]] = [
                ["tftp", "-m", "octet", "127.0.0.1", port, "-c", "get", "loader", path],
                ["atftp", "--get", "-r", "loader", "-l", path, "127.0.0.1", port],
                ["atftp", "--option", "blksize 1428", "--option", "windowsize 16", "--option", "tsize 0", "--get", "-r", "loader", "-l", path, "127.0.0.1", port],
                ["busybox", "tftp", "-g", "-b", "1468", "-r", "loader", "-l", path, "127.0.0.1", port],
                ["busybox", "tftp", "-g", "-r", "//loader", "-l", path, "127.0.0.1", port],
            ]
            for command in commands {
                _ = unsafe unlink(path)
                let result = try await execute("timeout", ["60"] + command)
                #expect(try await execute("cat", [path]).output == file, "\(command): \(result.status) \(result.error)")
            }
            // tftp-hpa's mode is netascii unless it is told; it gives its user's own line ends back.
            for (name, text) in [("rfc1350", "a\nb\r\n"), ("pxelinux.cfg/01-52-54-00-ab-cd-ef", "DEFAULT local\n")] {
                _ = unsafe unlink(path)
                let result = try await execute("timeout", ["60", "tftp", "-m", "ascii", "127.0.0.1", port, "-c", "get", name, path])
                let got = String(decoding: try await execute("cat", [path]).output, as: UTF8.self)
                #expect(got.hasPrefix(text), "\(got.debugDescription): \(result.status) \(result.error)")
            }
        }
    }

    @Test(.timeLimit(.minutes(5))) func `a file of more blocks than there are numbers is read to its end`() async throws {
        try await Self.serving { fixture, service in
            let file = BootFixture.pattern(8 * 65_600 + 3)
            fixture.answers.setLoaders(["a": try fixture.content.insert(file)])
            let curl = try await execute("curl", ["-sS", "--tftp-blksize", "8", "tftp://127.0.0.1:\(service.port)/a"])
            #expect(curl.output == file, "\(curl.error)")
            let client = try TFTPTestClient()
            let windows = try await client.read("a", from: UInt16(service.port), blockSize: 8, windowSize: 32)
            #expect(windows.bytes == file && windows.blocks == 65_601)
        }
    }

    @Test func `a forged request brings its victim little`() async throws {
        let transfer = ReadTransferConfiguration(initialTimeout: .milliseconds(20), minimumTimeout: .milliseconds(20), maximumTimeout: .milliseconds(40))
        try await Self.serving(TFTPServiceConfiguration(port: 0, maximumSessions: 8, transfer: transfer)) { fixture, service in
            fixture.answers.setLoaders(["a": try fixture.content.insert(BootFixture.pattern(100_000))])
            let options = [("blksize", "65464"), ("windowsize", "64"), ("tsize", "0"), ("timeout", "1")]
            for (request, limit) in [(TFTPTestClient.request("a", options), 4 * 60), (TFTPTestClient.request("a"), 4 * 516)] {
                let victim = try TFTPTestClient()
                let before = service.counted.failed
                victim.send(request, to: UInt16(service.port))
                try await eventually("the transfer is given up") { service.counted.failed > before }
                var octets = 0
                while let datagram = try await victim.receive(within: .milliseconds(50)) {
                    let count = datagram.packet.encoded.count
                    if case .optionAcknowledgement = datagram.packet { #expect(count <= request.encoded.count) }
                    octets += count
                }
                #expect(octets > 0 && octets <= limit)
            }
            // Refusals are not longer than what they refuse.
            let requests: [[UInt8]] = [
                TFTPTestClient.request("x").encoded, TFTPTestClient.request("..").encoded, TFTPTestClient.request("a", mode: .mail).encoded,
                TFTPPacket.writeRequest(TFTPRequest(filename: "a")).encoded, [0, 1, 0x61, 0, 0x78, 0], [0, 1, 0x61, 0, 0],
            ]
            for request in requests {
                let victim = try TFTPTestClient()
                victim.send(request, to: UInt16(service.port))
                let answer = try #require(try await victim.receive())
                #expect(answer.packet.encoded.count <= request.count, "\(answer.packet)")
            }
        }
    }

    @Test func `requests of clients that never show themselves do not keep a machine out`() async throws {
        let transfer = ReadTransferConfiguration(initialTimeout: .milliseconds(200), maximumRetransmissions: 100, maximumUnverifiedAnswers: 100)
        try await Self.serving(TFTPServiceConfiguration(port: 0, maximumSessions: 2, transfer: transfer)) { fixture, service in
            fixture.answers.setLoaders(["a": try fixture.content.insert(BootFixture.pattern(5000))])
            let silent = try (0..<2).map { _ in try TFTPTestClient() }
            for client in silent { client.send(TFTPTestClient.request("a"), to: UInt16(service.port)) }
            try await eventually("all sessions are taken") { service.counted.transfers == 2 }
            let client = try TFTPTestClient()
            let result = try await client.read("a", from: UInt16(service.port), blockSize: 512, windowSize: 4)
            #expect(result.bytes == BootFixture.pattern(5000))
        }
    }

    @Test func `texts are given as netascii when that is asked for`() async throws {
        try await Self.serving { fixture, service in
            fixture.answers.put(BootFixture.intent(.local))
            let client = try TFTPTestClient()
            client.send(TFTPTestClient.request("pxelinux.cfg/01-52-54-00-ab-cd-ef", mode: .netascii), to: UInt16(service.port))
            guard case .data(1, let payload)? = try await client.receive()?.packet else {
                Issue.record("no block")
                return
            }
            #expect(String(decoding: payload, as: UTF8.self).hasPrefix("DEFAULT local\r\nPROMPT 0\r\n"))
        }
    }

    @Test func `a file that is elsewhere is fetched while the client asks again`() async throws {
        try await Self.serving { fixture, service in
            let file = BootFixture.pattern(3000)
            let digest = "49d1e8a4f7c46b0e5c1b1f6d0d2c3b4a5968778695a4b3c2d1e0f00112233445"
            let real = try fixture.content.insert(file)
            fixture.remote.withLock { $0[real] = file }
            unsafe unlink("\(fixture.content.directory)/\(real)")
            let client = try TFTPTestClient()
            let request = TFTPTestClient.request("images/\(real)/boot-kernel")
            var first: TFTPPacket?
            while first == nil {
                client.send(request, to: UInt16(service.port))
                first = try await client.receive(within: .milliseconds(200))?.packet
            }
            #expect(first == .data(block: 1, payload: Array(file.prefix(512))))
            #expect(fixture.fetchCount.load(ordering: .relaxed) == 1)
            #expect(fixture.observed(.tftpRequest).contains { $0.detail.contains("waits for the file") })
            // What nobody has stays unanswered, and the server goes on.
            client.send(.acknowledgement(block: 99), to: client.serverPort)
            client.send(TFTPTestClient.request("images/\(digest)/boot-kernel"), to: UInt16(service.port))
            try await eventually("it was looked for") { fixture.fetchCount.load(ordering: .relaxed) == 2 }
        }
    }

    @Test func `one client cannot take all sessions, and beyond them there is silence`() async throws {
        let configuration = TFTPServiceConfiguration(port: 0, maximumSessions: 4, maximumSessionsPerClient: 2)
        try await Self.serving(configuration) { fixture, service in
            fixture.answers.setLoaders(["a": try fixture.content.insert(BootFixture.pattern(5000))])
            let clients = try (0..<3).map { _ in try TFTPTestClient() }
            for client in clients { client.send(TFTPTestClient.request("a"), to: UInt16(service.port)) }
            try await eventually("the third is turned away") { service.counted.busy == 1 }
            #expect(service.counted.transfers == 2)
            clients[0].send(.error(.undefined, message: "enough"), to: try #require(try await clients[0].receive()).port)
            try await eventually("the first ended") { service.counted.failed == 1 }
            clients[2].send(TFTPTestClient.request("a"), to: UInt16(service.port))
            #expect(try await clients[2].receive()?.packet == .data(block: 1, payload: Array(BootFixture.pattern(5000).prefix(512))))
        }
    }

    @Test func `junk on any port stops nobody`() async throws {
        try await Self.serving { fixture, service in
            fixture.answers.setLoaders(["a": try fixture.content.insert(BootFixture.pattern(20_000))])
            let vandal = try TFTPTestClient()
            let client = try TFTPTestClient()
            var state: UInt64 = 5
            for round in 0..<2000 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let bytes = (0..<Int(state >> 58)).map { UInt8(truncatingIfNeeded: state >> UInt64($0 % 8 * 7)) }
                let port = round % 2 == 0 ? service.port : service.transferPorts[round % service.transferPorts.count]
                vandal.send(round % 3 == 0 ? [0, UInt8(round % 8)] + bytes : bytes, to: UInt16(port))
            }
            let result = try await client.read("a", from: UInt16(service.port), blockSize: 512, windowSize: 8)
            #expect(result.bytes == BootFixture.pattern(20_000))
            #expect(service.counted.strays > 0)
        }
    }

    @Test func `a stranger's acknowledgements do not move a transfer`() async throws {
        try await Self.serving { fixture, service in
            fixture.answers.setLoaders(["a": try fixture.content.insert(BootFixture.pattern(2000))])
            let (client, stranger) = (try TFTPTestClient(), try TFTPTestClient())
            client.send(TFTPTestClient.request("a"), to: UInt16(service.port))
            let first = try #require(try await client.receive())
            for block in 1...4 as ClosedRange<UInt16> { stranger.send(.acknowledgement(block: block), to: first.port) }
            try await eventually("the strangers were seen") { service.counted.strays == 4 }
            client.send(.acknowledgement(block: 1), to: first.port)
            var next = try await client.receive()?.packet
            while case .data(1, _)? = next { next = try await client.receive()?.packet }
            #expect(next == .data(block: 2, payload: Array(BootFixture.pattern(2000)[512..<1024])))
        }
    }

    @Test func `answers come from the address that was asked`() async throws {
        try await Self.serving { fixture, service in
            fixture.answers.put(BootFixture.intent(.commissioning))
            let client = try TFTPTestClient()
            client.send(TFTPTestClient.request("ipxe.cfg-52:54:00:ab:cd:ef"), to: UInt16(service.port), address: "127.9.8.7")
            let answer = try #require(try await client.receive())
            #expect(answer.address == "127.9.8.7")
            guard case .data(1, let payload) = answer.packet else {
                Issue.record("\(answer.packet)")
                return
            }
            #expect(String(decoding: payload, as: UTF8.self).contains("http://127.9.8.7:5248/images/"))
        }
    }

    /// The first of 16 ports below those that the kernel gives away, so that two servers can have the same one after the other.
    static var portRange: Int { 10_000 + Int(getpid() % 1300) * 16 }

    @Test func `another rack goes on with a transfer where the client is`() async throws {
        let start = Self.portRange
        let configuration = TFTPServiceConfiguration(port: 0, maximumSessions: 8, transferPorts: start...start + 7, drainTime: .zero)
        let fixture = try BootFixture()
        let file = BootFixture.pattern(1024 * 1500 + 10)
        fixture.answers.setLoaders(["a": try fixture.content.insert(file)])
        let client = try TFTPTestClient()
        var part: (bytes: [UInt8], blocks: UInt64) = ([], 0)
        var records: [TFTPTransferRecord] = []
        func firstRack() async throws {
            let service = try TFTPService(
                configuration: configuration, answers: fixture.answers, content: fixture.content, fetches: fixture.fetches,
                observations: fixture.observations, logger: fixture.logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await service.run() }
                part = try await client.read("a", from: UInt16(service.port), blockSize: 1024, windowSize: 4, stopAfter: 800)
                try await eventually("the progress is told") { service.counted.transfers == 1 }
                group.cancelAll()
            }
            for await record in service.records where !record.isFinished { records.append(record) }
        }
        try await firstRack()
        #expect(part.blocks == 800 && records.map(\.acknowledgedBlock) == [0, 512])
        // The first rack's thread lets its sockets go in its own time.
        try await eventually("the ports are free") {
            (try? TFTPService(
                configuration: configuration, answers: fixture.answers, content: fixture.content, fetches: fixture.fetches,
                observations: fixture.observations, logger: fixture.logger)) != nil
        }
        try await Self.serving(configuration, fixture: fixture) { _, service in
            for record in records { service.receive(record) }
            client.send(.acknowledgement(block: 800), to: client.serverPort)
            let rest = try await client.goOn(after: 800, blockSize: 1024, windowSize: 4)
            #expect(part.bytes + rest.bytes == file)
            #expect(service.counted.takenOver == 1)
        }
    }

    @Test func `a client that never asks again is served after a takeover`() async throws {
        let start = Self.portRange + 8
        let configuration = TFTPServiceConfiguration(port: 0, maximumSessions: 8, transferPorts: start...start + 7)
        try await Self.serving(configuration) { fixture, service in
            let file = BootFixture.pattern(512 * 700)
            let digest = try fixture.content.insert(file)
            let client = try TFTPTestClient()
            // The client's port, from a packet of its own.
            client.send(TFTPTestClient.request("nothing"), to: UInt16(service.port))
            _ = try await client.receive()
            let port = try #require(client.localPort)
            service.receive(
                TFTPTransferRecord(
                    client: .v4(IPv4Address(rawValue: 0x7F00_0001)), clientPort: port, service: .v4(IPv4Address(rawValue: 0x7F00_0001)),
                    serverPort: start, digest: digest, terms: .plain, acknowledgedBlock: 512, isFinished: false))
            service.takeOver()
            let rest = try await client.goOn(after: 512, blockSize: 512, windowSize: 1)
            #expect(rest.bytes == Array(file[(512 * 512)...]))
        }
    }

    @Test func `settings out of range are refused`() throws {
        let fixture = try BootFixture()
        for configuration in [
            TFTPServiceConfiguration(port: 70_000), TFTPServiceConfiguration(port: 0, maximumSessions: 0),
            TFTPServiceConfiguration(port: 0, maximumSessions: 8, transferPorts: 40_000...40_003),
        ] {
            #expect(throws: TFTPServiceError.self) {
                try TFTPService(
                    configuration: configuration, answers: fixture.answers, content: fixture.content, fetches: fixture.fetches,
                    observations: fixture.observations, logger: fixture.logger)
            }
        }
    }
}
