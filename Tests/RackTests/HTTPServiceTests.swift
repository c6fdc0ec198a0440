// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import Domain
import Glibc
import NIOCore
import NIOPosix
import Rack
import Synchronization
import TestSupport
import Testing

@Suite struct HTTPServiceTests {
    struct NoRegion: RegionForwarder {
        func forward(_ request: ForwardRequest) async throws -> ForwardResponse { throw FixtureError("no region") }
    }

    /// Runs the body with a server on loopback; `base` is its URL.
    static func serving(
        _ configuration: BootHTTPConfiguration = BootHTTPConfiguration(port: 0), forwarder: any RegionForwarder = NoRegion(),
        _ body: (BootFixture, _ base: String, BootHTTPService) async throws -> Void
    ) async throws {
        let fixture = try BootFixture()
        var local = configuration
        local.address = "127.0.0.1"
        local.drainTime = .milliseconds(100)
        let service = BootHTTPService(
            configuration: local, answers: fixture.answers, content: fixture.content, fetches: fixture.fetches,
            observations: fixture.observations, forwarder: forwarder, logger: fixture.logger, group: MultiThreadedEventLoopGroup.singleton)
        let port = try await service.bind()
        try await fixture.serving {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await service.run() }
                try await body(fixture, "http://127.0.0.1:\(port)", service)
                group.cancelAll()
            }
        }
    }

    /// curl's output, with the headers in front when `-i` or `-I` is given.
    static func curl(_ arguments: String...) async throws -> String {
        let result = try await execute("curl", ["-sS", "--path-as-is", "--max-time", "60"] + arguments)
        return String(decoding: result.output, as: UTF8.self) + result.error
    }

    @Test func `a file is sent whole, with its digest as tag`() async throws {
        try await Self.serving { fixture, base, _ in
            let file = BootFixture.pattern(3_000_001)
            let digest = try fixture.content.insert(file)
            let result = try await execute("curl", ["-sS", "\(base)/images/\(digest)/squashfs"])
            #expect(result.output == file)
            let head = try await Self.curl("-I", "\(base)/images/\(digest)/squashfs")
            #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
            for field in ["Content-Length: 3000001", "ETag: \"\(digest)\"", "Accept-Ranges: bytes", "Content-Type: application/octet-stream"] {
                #expect(head.contains("\r\n\(field)\r\n"), "\(field)")
            }
            #expect(head.contains("\r\nDate: ") && head.hasSuffix("GMT\r\nConnection: keep-alive\r\nContent-Length: 3000001\r\n\r\n"))
            try await eventually("the timeline has it") { fixture.observed(.httpDone).count == 2 }
            #expect(fixture.observed(.httpDone).map(\.bytes) == [3_000_001, 0])
            #expect(fixture.observed(.httpRequest).count == 1)
        }
    }

    @Test func `parts of a file are sent`() async throws {
        try await Self.serving { fixture, base, _ in
            let digest = try fixture.content.insert(Array("0123456789".utf8))
            let url = "\(base)/images/\(digest)/x"
            for (range, part, shown) in [
                ("0-3", "0123", "0-3"), ("7-", "789", "7-9"), ("-2", "89", "8-9"), ("9-99", "9", "9-9"), ("-99", "0123456789", "0-9"),
            ] {
                let answer = try await Self.curl("-i", "-H", "Range: bytes=\(range)", url)
                #expect(answer.hasPrefix("HTTP/1.1 206 ") && answer.contains("\r\nContent-Range: bytes \(shown)/10\r\n"), "\(answer)")
                #expect(answer.hasSuffix("\r\n\r\n\(part)"), "\(answer)")
            }
            for range in ["10-", "-0"] {
                let answer = try await Self.curl("-i", "-H", "Range: bytes=\(range)", url)
                #expect(answer.hasPrefix("HTTP/1.1 416 ") && answer.contains("\r\nContent-Range: bytes */10\r\n"), "\(answer)")
            }
            for range in ["bytes=3-1", "bytes=a-b", "bytes=0-1,x", "bytes=", "octets=0-1", "bytes=--1", "bytes=-", "bytes=99999999999999999999-"] {
                let answer = try await Self.curl("-i", "-H", "Range: \(range)", url)
                #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.hasSuffix("0123456789"), "\(range): \(answer)")
            }
            let several = try await Self.curl("-i", "-H", "Range: bytes=0-1, 20-30,-2", url)
            #expect(several.hasPrefix("HTTP/1.1 206 ") && several.contains("\r\nContent-Type: multipart/byteranges; boundary=\(digest)\r\n"))
            let part = "--\(digest)\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes "
            #expect(several.hasSuffix("\r\n\r\n\(part)0-1/10\r\n\r\n01\r\n\(part)8-9/10\r\n\r\n89\r\n--\(digest)--\r\n"), "\(several)")
            let one = try await Self.curl("-i", "-H", "Range: bytes=20-30,4-5", url)
            #expect(one.contains("\r\nContent-Range: bytes 4-5/10\r\n") && one.hasSuffix("\r\n\r\n45"), "\(one)")
            for range in ["0-,0-,0-,0-", (0..<33).map { "\($0 % 10)-\($0 % 10)" }.joined(separator: ","), String(repeating: "0-0,", count: 5000)] {
                #expect(try await Self.curl("-i", "-H", "Range: bytes=\(range)", url).hasPrefix("HTTP/1.1 416 "), "\(range.prefix(64))")
            }
            #expect(try await Self.curl("-i", "-H", "Range: bytes=1-", "-H", "If-Range: \"other\"", url).hasPrefix("HTTP/1.1 200 "))
            #expect(try await Self.curl("-i", "-H", "Range: bytes=1-", "-H", "If-Range: \"\(digest)\"", url).hasPrefix("HTTP/1.1 206 "))
            for tag in ["\"\(digest)\"", "*", "\"x\", W/\"\(digest)\""] {
                let answer = try await Self.curl("-i", "-H", "If-None-Match: \(tag)", url)
                #expect(answer.hasPrefix("HTTP/1.1 304 ") && answer.hasSuffix("\r\n\r\n"), "\(answer)")
            }
        }
    }

    @Test func `several parts of a big file are what they say`() async throws {
        try await Self.serving { fixture, base, _ in
            let file = BootFixture.pattern(9_000_000)
            let digest = try fixture.content.insert(file)
            let ranges = [0..<10, 4_000_000..<8_500_000, 8_999_999..<9_000_000]
            let header = ranges.map { "\($0.lowerBound)-\($0.upperBound - 1)" }.joined(separator: ",")
            let answer = try await execute("curl", ["-sS", "-r", header, "\(base)/images/\(digest)/x"])
            var expected: [UInt8] = []
            for range in ranges {
                let head = "--\(digest)\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes "
                expected += Array("\(head)\(range.lowerBound)-\(range.upperBound - 1)/9000000\r\n\r\n".utf8) + file[range] + Array("\r\n".utf8)
            }
            expected += Array("--\(digest)--\r\n".utf8)
            #expect(answer.output == expected, "\(answer.error)")
        }
    }

    @Test func `a client that has the file is not sent it again, and a loader's name is asked about each time`() async throws {
        try await Self.serving { fixture, base, _ in
            let digest = try fixture.content.insert(Array("0123456789".utf8))
            fixture.answers.setLoaders(["grubx64.efi": digest])
            let head = try await Self.curl("-I", base + "/grubx64.efi")
            #expect(head.contains("\r\nCache-Control: no-cache\r\n") && head.contains("\r\nETag: \"\(digest)\"\r\n"))
            let url = "\(base)/images/\(digest)/x"
            #expect(try await Self.curl("-I", url).contains("\r\nCache-Control: public, max-age=31536000, immutable\r\n"))
            let date = try #require(head.components(separatedBy: "Last-Modified: ").last?.prefix { $0 != "\r\n" })
            let known = try await Self.curl("-i", "-H", "If-Modified-Since: \(date)", url)
            #expect(known.hasPrefix("HTTP/1.1 304 ") && known.hasSuffix("\r\n\r\n"), "\(known)")
            // A later date may be another rack's, of another file.
            for fields in [["If-Modified-Since: Thu, 31 Dec 2099 23:59:59 GMT"], ["If-None-Match: \"x\"", "If-Modified-Since: \(date)"]] {
                let answer = try await execute("curl", ["-sS", "-i", url] + fields.flatMap { ["-H", $0] })
                #expect(String(decoding: answer.output, as: UTF8.self).hasPrefix("HTTP/1.1 200 "), "\(fields)")
            }
            #expect(try await Self.curl("-i", "-H", "Range: bytes=1-", "-H", "If-Range: \(date)", url).hasPrefix("HTTP/1.1 206 "))
        }
    }

    @Test func `curl goes on with a download that was cut`() async throws {
        try await Self.serving { fixture, base, _ in
            let file = BootFixture.pattern(500_000)
            let digest = try fixture.content.insert(file)
            let path = "\(fixture.content.directory)/part"
            try DirectoryContent.write(Array(file.prefix(123_456)), to: path)
            let result = try await execute("curl", ["-sS", "-C", "-", "-o", path, "\(base)/images/\(digest)/x"])
            #expect(result.status == "exited(0)", "\(result.error)")
            #expect(try await execute("cat", [path]).output == file)
        }
    }

    @Test func `connections are kept, or closed when the machine wants it`() async throws {
        try await Self.serving { fixture, base, service in
            let digest = try fixture.content.insert(BootFixture.pattern(100))
            let url = "\(base)/images/\(digest)/x"
            let kept = try await Self.curl(
                "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects}", url, url, base + "/nothing")
            #expect(kept == "100")
            let closed = try await Self.curl("-i", "-H", "Connection: close", base + "/nothing")
            #expect(closed.contains("\r\nConnection: close\r\n"))
            let old = try await Self.curl("-i", "--http1.0", base + "/nothing")
            #expect(old.contains("\r\nConnection: close\r\n"))
            try await eventually("all are closed") { service.connectionCount == 0 }
        }
    }

    @Test func `configurations and loaders are found below every root that loaders use`() async throws {
        try await Self.serving { fixture, base, _ in
            fixture.answers.put(BootFixture.intent(.commissioning))
            fixture.answers.setLoaders(["grubx64.efi": try fixture.content.insert(Array("GRUB".utf8))])
            for path in ["/images/grubx64.efi", "//grubx64.efi", "/boot/grubx64.efi", "/%67rubx64.efi", "/grubx64.efi?x=/../y"] {
                #expect(try await Self.curl(base + path) == "GRUB", "\(path)")
            }
            for path in ["/ipxe.cfg-52:54:00:ab:cd:ef", "/boot/ipxe.cfg-52-54-00-ab-cd-ef", "/grub/grub.cfg-52%3a54%3A00:ab:cd:ef"] {
                #expect(try await Self.curl(base + path).contains("127.0.0.1:5248"), "\(path)")
            }
            let lpxelinux = try await Self.curl(base + "/pxelinux.cfg/01-52-54-00-ab-cd-ef")
            #expect(lpxelinux.contains("LINUX http://127.0.0.1:5248/images/"))
            try await eventually("the timeline has it") { fixture.observed(.httpDone).contains { $0.purpose == .commissioning } }
            #expect(fixture.observed(.httpDone).last?.macAddress == BootFixture.mac)
        }
    }

    @Test func `what is not there is refused with a text, because shim hangs on an empty 404`() async throws {
        try await Self.serving { _, base, _ in
            for path in ["/revocations_sku.efi", "/", "/pxelinux.cfg/0A630001", "/images/x"] {
                let answer = try await Self.curl("-i", base + path)
                #expect(answer.hasPrefix("HTTP/1.1 404 ") && answer.hasSuffix("404 Not Found: not found\n"), "\(answer)")
            }
            for path in ["/../etc/passwd", "/%2e%2e/etc/passwd", "/a/..%2f..", "/%", "/%00", "/images\\..\\x"] {
                #expect(try await Self.curl("-i", base + path).hasPrefix("HTTP/1.1 400 "), "\(path)")
            }
            let post = try await Self.curl("-i", "-d", "x", base + "/ipxe.cfg")
            #expect(post.hasPrefix("HTTP/1.1 405 ") && post.contains("\r\nAllow: GET, HEAD\r\n"))
            let big = try await Self.curl("-i", "-d", String(repeating: "x", count: 70_000), base + "/ipxe.cfg")
            #expect(big.contains("HTTP/1.1 413 "), "\(big)")
        }
    }

    @Test func `a file that is elsewhere is fetched once for all who ask`() async throws {
        try await Self.serving { fixture, base, _ in
            let file = BootFixture.pattern(200_000)
            let digest = try fixture.content.insert(file)
            fixture.remote.withLock { $0[digest] = file }
            unsafe unlink("\(fixture.content.directory)/\(digest)")
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await execute("curl", ["-sS", "\(base)/images/\(digest)/squashfs"]).output == file }
                }
                for try await isRight in group { #expect(isRight) }
            }
            #expect(fixture.fetchCount.load(ordering: .relaxed) == 1)
            let nobody = try await Self.curl("-i", "\(base)/images/\(String(repeating: "0", count: 64))/squashfs")
            #expect(nobody.hasPrefix("HTTP/1.1 503 ") && nobody.contains("\r\nRetry-After: 2\r\n"))
        }
    }

    @Test func `a fetch that takes too long is answered before the machine gives up`() async throws {
        let fixture = try BootFixture()
        let gate = AsyncStream<Void>.makeStream()
        let fetches = ContentFetches(source: fixture.content, logger: fixture.logger) { _ in for await _ in gate.stream {} }
        let service = BootHTTPService(
            configuration: BootHTTPConfiguration(address: "127.0.0.1", port: 0, fetchDeadline: .milliseconds(50)), answers: fixture.answers,
            content: fixture.content, fetches: fetches, observations: fixture.observations, forwarder: NoRegion(), logger: fixture.logger,
            group: MultiThreadedEventLoopGroup.singleton)
        let port = try await service.bind()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            group.addTask { try await fetches.run() }
            let answer = try await Self.curl("-i", "http://127.0.0.1:\(port)/images/\(String(repeating: "0", count: 64))/squashfs")
            #expect(answer.hasPrefix("HTTP/1.1 503 "))
            gate.continuation.finish()
            group.cancelAll()
        }
    }

    @Test func `too many header fields, and too big ones, are refused`() async throws {
        try await Self.serving { _, base, _ in
            let big = try await Self.curl("-i", "-H", "X-Big: \(String(repeating: "x", count: 40_000))", base + "/x")
            #expect(!big.contains("404"), "\(big)")
            let many = try await execute("curl", ["-sS", "-i"] + (0..<200).flatMap { ["-H", "X-\($0): y"] } + [base + "/x"])
            #expect(!String(decoding: many.output, as: UTF8.self).contains("404"))
            #expect(try await Self.curl(base + "/x").contains("404"))
        }
    }

    @Test func `connections beyond the limit are closed`() async throws {
        try await Self.serving(BootHTTPConfiguration(port: 0, maximumConnections: 2)) { _, base, service in
            let port = Int(base.split(separator: ":").last ?? "") ?? 0
            let open = try await (0..<2).asyncMap { _ in
                try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(host: "127.0.0.1", port: port).get()
            }
            try await eventually("both are in") { service.connectionCount == 2 }
            #expect(try await execute("curl", ["-sS", base + "/x"]).status != "exited(0)")
            for channel in open { try await channel.close() }
            try await eventually("there is room") { try await Self.curl(base + "/x").contains("404") }
        }
    }

    @Test func `idle connections are closed, and so are those that drip a request`() async throws {
        try await Self.serving(BootHTTPConfiguration(port: 0, idleTimeout: .seconds(1))) { _, base, service in
            let port = Int(base.split(separator: ":").last ?? "") ?? 0
            let group = MultiThreadedEventLoopGroup.singleton
            let idle = try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get()
            let dripping = try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get()
            dripping.writeAndFlush(ByteBuffer(string: "GET /x HTTP/1.1\r\nHost: a\r\nX-Slow: "), promise: nil)
            let drip = dripping.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(20)) { _ in
                dripping.writeAndFlush(ByteBuffer(string: "x"), promise: nil)
            }
            try await idle.closeFuture.get()
            try await dripping.closeFuture.get()
            drip.cancel()
            try await eventually("there is room") { service.connectionCount == 0 }
        }
    }

    @Test func `requests in one packet are answered in order`() async throws {
        try await Self.serving { fixture, base, _ in
            let digest = try fixture.content.insert(Array("file".utf8))
            let port = String(base.split(separator: ":").last ?? "")
            let requests = "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\nGET /images/\(digest)/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            let result = try await execute("curl", ["-sS", "--http0.9", "telnet://127.0.0.1:\(port)", "-T", try Self.file(requests, fixture)])
            let text = String(decoding: result.output, as: UTF8.self)
            #expect(text.hasPrefix("HTTP/1.1 404 ") && text.contains("HTTP/1.1 200 OK\r\n") && text.hasSuffix("\r\n\r\nfile"), "\(text)")
        }
    }

    static func file(_ text: String, _ fixture: BootFixture) throws -> String {
        let path = "\(fixture.content.directory)/input"
        try DirectoryContent.write(Array(text.utf8), to: path)
        return path
    }
}

extension Sequence {
    func asyncMap<Result>(_ transform: (Element) async throws -> Result) async throws -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
