// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOPosix
import Rack
import Synchronization
import TestSupport
import Testing

/// What clients do to a server that they should not.
@Suite struct HTTPRobustnessTests {
    static func port(_ base: String) -> Int { Int(base.split(separator: ":").last ?? "") ?? 0 }

    static let malformed: [(String, String)] = [
        ("two lengths", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
        ("length and chunks", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a negative length", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
        ("a length beyond all numbers", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
        ("a chunk's size that is no number", "POST /MAAS/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n0\r\n\r\n"),
        ("a chunk beyond all numbers", "POST /MAAS/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc"),
        ("a chunk without its end", "POST /MAAS/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n"),
        ("a field without a colon", "GET /x HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"),
        ("a space before the colon", "GET /x HTTP/1.1\r\nHost : a\r\n\r\n"),
        ("NUL in a field", "GET /x HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"),
        ("NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("zeros", String(repeating: "\0", count: 100)),
        ("no such version", "GET /x HTTP/9.9\r\nHost: a\r\n\r\n"),
        ("no such method", "G@T /x HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}"),
        ("a target without end", "GET /" + String(repeating: "a", count: 100_000)),
        ("a field without end", "GET /x HTTP/1.1\r\nX: " + String(repeating: "a", count: 100_000)),
        ("fields without end", "GET /x HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 20_000)),
        ("an authority", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        ("an asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        ("another scheme", "GET ftp://a/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        ("another host's traversal", "GET http://evil.example/../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    ]

    @Test(.timeLimit(.minutes(5))) func `malformed requests end their connection, with an error if anything, and nothing else`() async throws {
        let region = try await TestRegion()
        try await HTTPServiceTests.serving(forwarder: HTTPForwardingTests.forwarder([region.port])) { _, base, _ in
            for (name, request) in Self.malformed {
                let connection = try await RawConnection(port: Self.port(base))
                connection.send(request)
                try await connection.waitForEnd()
                #expect(connection.text.isEmpty || connection.text.hasPrefix("HTTP/1.1 4"), "\(name): \(connection.text.prefix(200))")
            }
            #expect(region.requests.isEmpty)
            #expect(try await HTTPServiceTests.curl(base + "/x").contains("404"))
        }
    }

    @Test func `a request that is cut at any length is no request`() async throws {
        let request = "GET /x HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n"
        try await HTTPServiceTests.serving(BootHTTPConfiguration(port: 0, requestTimeout: .milliseconds(100))) { fixture, base, service in
            var connections: [RawConnection] = []
            for length in 1..<request.utf8.count {
                let connection = try await RawConnection(port: Self.port(base))
                connection.send(Array(request.utf8.prefix(length)))
                connections.append(connection)
            }
            for connection in connections { try await connection.waitForEnd() }
            #expect(connections.allSatisfy { $0.received.isEmpty } && fixture.observed(.httpRequest).isEmpty)
            try await eventually("all places are free") { service.connectionCount == 0 }
        }
    }

    @Test(arguments: [
        ("/%2e%2e/%2e%2e/etc/passwd", 400), ("/..%5c..%5cetc/passwd", 400), ("/%c0%ae%c0%ae/etc/passwd", 400), ("/%252e%252e/etc/passwd", 404),
        ("/images/%2E%2e/x", 400), ("/a%00b", 400), ("/%0d%0aX:y", 400), ("/%ff", 400), ("/%", 400), ("/%zz", 400), ("/x%2", 400),
        ("/MAAS/../etc/passwd", 400), ("/%2f%2f%2fetc/passwd", 404), ("/x?../../etc/passwd", 404), ("/x#/../y", 404),
    ]) func `tricks with the target lead nowhere`(target: String, status: Int) async throws {
        try await HTTPServiceTests.serving { _, base, _ in
            let connection = try await RawConnection(port: Self.port(base))
            connection.send("GET \(target) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            try await connection.waitForEnd()
            // What the parser itself refuses is refused as well.
            let allowed = ["HTTP/1.1 \(status) ", "HTTP/1.1 400 "]
            #expect(allowed.contains { connection.text.hasPrefix($0) }, "\(connection.text)")
        }
    }

    @Test func `a region is asked for the path, whatever host the request names`() async throws {
        let region = try await TestRegion { request in
            request.uri == "/MAAS/none" ? TestRegion.Answer(status: 404, body: []) : TestRegion.Answer()
        }
        try await HTTPServiceTests.serving(forwarder: HTTPForwardingTests.forwarder([region.port])) { _, base, _ in
            let connection = try await RawConnection(port: Self.port(base))
            connection.send("GET http://evil.example/MAAS/x?y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            try await connection.waitForEnd()
            #expect(connection.text.hasSuffix("region") && region.requests.map(\.uri) == ["/MAAS/x?y"])
            // Also a 404 of a region has a body.
            let missing = try await HTTPServiceTests.curl("-i", base + "/MAAS/none")
            #expect(missing.hasPrefix("HTTP/1.1 404 ") && missing.hasSuffix("404 Not Found\n"), "\(missing)")
        }
    }

    @Test func `a request that drips in is cut, while an idle connection may stay`() async throws {
        let configuration = BootHTTPConfiguration(port: 0, requestTimeout: .milliseconds(200))
        try await HTTPServiceTests.serving(configuration) { _, base, _ in
            let (idle, dripping) = (try await RawConnection(port: Self.port(base)), try await RawConnection(port: Self.port(base)))
            idle.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
            dripping.send("GET /x HTTP/1.1\r\nX: ")
            try await eventually("the dripping one is cut") {
                dripping.send("x")
                return !dripping.isOpen
            }
            #expect(idle.isOpen && dripping.received.isEmpty)
            idle.send("GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            try await idle.waitForEnd()
            #expect(idle.text.components("HTTP/1.1 404 ") == 2)
        }
    }

    @Test func `who does not read is cut, and costs no memory until then`() async throws {
        try await HTTPServiceTests.serving(BootHTTPConfiguration(port: 0, idleTimeout: .seconds(1))) { fixture, base, service in
            let digest = try fixture.content.insert(BootFixture.pattern(20_000_000))
            let readers = try await (0..<8).asyncMap { _ in
                let reader = try await RawConnection(port: Self.port(base), reads: false)
                reader.send("GET /images/\(digest)/x HTTP/1.1\r\nHost: a\r\n\r\n")
                return reader
            }
            // On a busy machine one may be too late with its request, and is cut without one.
            try await eventually("they are cut") {
                let failed = fixture.observed(.httpFailed).count
                return failed > 0 && failed == fixture.observed(.httpRequest).count && service.connectionCount == 0
            }
            #expect(readers.allSatisfy { $0.received.count < 20_000_000 })
            #expect(fixture.observed(.httpFailed).allSatisfy { $0.bytes < 20_000_000 && $0.detail.hasSuffix("the connection ended") })
            #expect(try await HTTPServiceTests.curl(base + "/x").contains("404"))
        }
    }

    @Test func `clients that vanish in the middle leave nothing behind`() async throws {
        try await HTTPServiceTests.serving { fixture, base, service in
            let digest = try fixture.content.insert(BootFixture.pattern(20_000_000))
            for _ in 0..<32 {
                let client = try await RawConnection(port: Self.port(base), reads: false)
                client.send("GET /images/\(digest)/x HTTP/1.1\r\nHost: a\r\n\r\nGET /images/\(digest)/y HTTP/1.1\r\nHost: a\r\n\r\nGET /")
                try await eventually("it is served") { service.connectionCount == 1 }
                client.close()
                try await eventually("its place is free") { service.connectionCount == 0 }
            }
            try await eventually("the timeline has the failures") {
                fixture.observed(.httpFailed).count == fixture.observed(.httpRequest).count
            }
        }
    }

    @Test func `many requests in one packet are answered in order`() async throws {
        try await HTTPServiceTests.serving { fixture, base, _ in
            let digests = try (0..<10).map { try fixture.content.insert(Array("file \($0).".utf8)) }
            let connection = try await RawConnection(port: Self.port(base))
            let requests = (0..<300).map {
                "GET /images/\(digests[$0 % 10])/x HTTP/1.1\r\nHost: a\r\n\($0 == 299 ? "Connection: close\r\n" : "")\r\n"
            }
            connection.send(requests.joined())
            try await connection.waitForEnd()
            let bodies = connection.text.components(separatedBy: "HTTP/1.1 200 OK\r\n").dropFirst().map { $0.suffix(7) }
            #expect(bodies == (0..<300).map { "file \($0 % 10)."[...] })
        }
    }

    @Test(.timeLimit(.minutes(5))) func `a thousand idle connections are kept and served, and more than one client may have are not`() async throws {
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(max(limit.rlim_cur, 8192), limit.rlim_max)
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let configuration = BootHTTPConfiguration(port: 0, maximumConnectionsPerClient: 1000)
        try await HTTPServiceTests.serving(configuration) { _, base, service in
            let port = Self.port(base)
            let connections = try await (0..<1000).asyncMap { _ in try await RawConnection(port: port) }
            try await eventually("all are in") { service.connectionCount == 1000 }
            try await RawConnection(port: port).waitForEnd()
            for _ in 0..<2 {
                for connection in connections { connection.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n") }
            }
            try await eventually("all are answered") { connections.allSatisfy { $0.text.components("HTTP/1.1 404 ") == 2 } }
            #expect(connections.allSatisfy { $0.isOpen })
            for connection in connections { connection.close() }
            try await eventually("all have left") { service.connectionCount == 0 }
        }
    }

    /// Runs a server until `body` calls the closure that shuts it down.
    private static func draining(
        _ drainTime: Duration, _ body: (BootFixture, _ port: Int, BootHTTPService, _ stop: () -> Void) async throws -> Void
    ) async throws {
        let fixture = try BootFixture()
        let service = BootHTTPService(
            configuration: BootHTTPConfiguration(address: "127.0.0.1", port: 0, drainTime: drainTime), answers: fixture.answers,
            content: fixture.content, fetches: fixture.fetches, observations: fixture.observations, forwarder: HTTPServiceTests.NoRegion(),
            logger: fixture.logger, group: MultiThreadedEventLoopGroup.singleton)
        let port = try await service.bind()
        try await fixture.serving {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await service.run() }
                try await body(fixture, port, service) { group.cancelAll() }
            }
        }
    }

    @Test func `a server that ends finishes what it sends and begins nothing new`() async throws {
        try await Self.draining(.seconds(60)) { fixture, port, service, stop in
            let file = BootFixture.pattern(20_000_000)
            let digest = try fixture.content.insert(file)
            let idle = try await RawConnection(port: port)
            let slow = try await RawConnection(port: port, reads: false)
            slow.send("GET /images/\(digest)/x HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("it is being sent") { fixture.observed(.httpRequest).count == 1 && service.connectionCount == 2 }
            stop()
            try await idle.waitForEnd()
            await #expect(throws: (any Error).self) { _ = try await RawConnection(port: port) }
            #expect(slow.isOpen)
            try await slow.read()
            try await slow.waitForEnd()
            #expect(Array(slow.received.suffix(file.count)) == file)
        }
    }

    @Test func `a server that ends does not wait for ever`() async throws {
        try await Self.draining(.milliseconds(200)) { fixture, port, service, stop in
            let digest = try fixture.content.insert(BootFixture.pattern(20_000_000))
            let stuck = try await RawConnection(port: port, reads: false)
            stuck.send("GET /images/\(digest)/x HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("it is being sent") { fixture.observed(.httpRequest).count == 1 }
            stop()
            try await eventually("it is cut") { service.connectionCount == 0 }
        }
    }
}

extension String {
    /// How often the text is in here.
    func components(_ text: String) -> Int { self.components(separatedBy: text).count - 1 }

    func components(separatedBy text: String) -> [Substring] {
        var (parts, rest): ([Substring], Substring) = ([], self[...])
        while let found = rest.firstRange(of: text) {
            parts.append(rest[..<found.lowerBound])
            rest = rest[found.upperBound...]
        }
        return parts + [rest]
    }
}
