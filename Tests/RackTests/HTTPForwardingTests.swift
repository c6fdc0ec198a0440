// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import Domain
import Logging
import NIOCore
import NIOPosix
import OpenSSL
import Rack
import TestSupport
import Testing

@Suite struct HTTPForwardingTests {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func forwarder(
        _ ports: [Int], _ configuration: RegionForwarderConfiguration = RegionForwarderConfiguration()
    ) -> RegionHTTPForwarder {
        RegionHTTPForwarder(
            endpoints: ports.map { RegionEndpoint(host: "127.0.0.1", port: $0) }, configuration: configuration,
            group: MultiThreadedEventLoopGroup.singleton, secure: nil, logger: Self.logger)
    }

    static func request(_ method: String = "GET", body: [UInt8] = []) -> ForwardRequest {
        ForwardRequest(
            method: method, uri: "/MAAS/x", headers: [], body: body, clientAddress: .v4(IPv4Address(rawValue: 0x7F00_0001)))
    }

    /// A port on which nobody listens.
    static func closedPort() async throws -> Int {
        let region = try await TestRegion()
        let port = region.port
        region.close()
        try await eventually("nobody listens") {
            (try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(host: "127.0.0.1", port: port).get().close()) == nil
        }
        return port
    }

    @Test func `a machine's request reaches a region with the rack's own fields, and the answer comes back`() async throws {
        let region = try await TestRegion { request in
            TestRegion.Answer(
                status: request.method == "POST" ? 201 : 200,
                headers: [
                    ("X-MAAS-API-Hash", "a"), ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("Connection", "x-hop"), ("X-Hop", "1"),
                    ("X-Gantry-Secret", "1"),
                ],
                body: request.body.isEmpty ? Array("hello".utf8) : request.body)
        }
        try await HTTPServiceTests.serving(forwarder: Self.forwarder([region.port])) { fixture, base, _ in
            fixture.answers.note(client: .v4(IPv4Address(rawValue: 0x7F00_0001)), is: BootFixture.mac)
            let answer = try await HTTPServiceTests.curl(
                "-i", "-H", "X-Forwarded-For: 1.2.3.4", "-H", "X-Gantry-Service: http://evil", "-H", "Forwarded: for=1.2.3.4", "-H",
                "Authorization: OAuth oauth_token=t", "-H", "Connection: keep-alive, X-Mine", "-H", "X-Mine: 1", "-H", "Host: rack:5248",
                "\(base)/MAAS/metadata/latest/by-id/abc346/?op=get_preseed")
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\nhello"), "\(answer)")
            #expect(answer.contains("X-MAAS-API-Hash: a\r\n") && answer.contains("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"))
            #expect(!answer.contains("X-Hop") && !answer.contains("X-Gantry-Secret"))
            let seen = try #require(region.requests.first)
            #expect(seen.uri == "/MAAS/metadata/latest/by-id/abc346/?op=get_preseed" && seen.method == "GET")
            #expect(seen.header("X-Forwarded-For") == ["127.0.0.1"] && seen.header("X-Gantry-Service") == [base])
            #expect(seen.header("Authorization") == ["OAuth oauth_token=t"] && seen.header("Host") == ["rack:5248"])
            for name in ["Forwarded", "X-Mine", "Content-Length", "Transfer-Encoding"] { #expect(seen.header(name).isEmpty, "\(name)") }
            // A body of many packets, asked for with Expect, and a chunked one.
            let body = BootFixture.pattern(3_000_000)
            let path = "\(fixture.content.directory)/body"
            try DirectoryContent.write(body, to: path)
            for field in ["Expect: 100-continue", "Transfer-Encoding: chunked"] {
                let echo = try await execute("curl", ["-sS", "-H", field, "--data-binary", "@\(path)", "\(base)//MAAS/metadata/status/abc346"])
                #expect(echo.output == body, "\(echo.error)")
            }
            let head = try await HTTPServiceTests.curl("-I", "\(base)/MAAS/")
            #expect(head.contains("Content-Length: 5\r\n"), "\(head)")
            try await eventually("the timeline has all") { fixture.observed(.metadata).count == 4 }
            let first = fixture.observed(.metadata)[0]
            #expect(first.name == "/MAAS/metadata/latest/by-id/abc346/" && first.status == 200 && first.macAddress == BootFixture.mac)
        }
    }

    @Test func `without a region the machine is told to ask again`() async throws {
        for ports in [[], [try await Self.closedPort()]] {
            try await HTTPServiceTests.serving(forwarder: Self.forwarder(ports)) { fixture, base, _ in
                let answer = try await HTTPServiceTests.curl("-i", "-d", "x", "\(base)/MAAS/metadata/status/abc346")
                #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("\r\nRetry-After: 2\r\n"), "\(answer)")
                try await eventually("the timeline has it") { fixture.observed(.metadata).first?.status == 503 }
            }
        }
    }

    @Test func `a request that is longer than requests may be is refused`() async throws {
        let region = try await TestRegion()
        let configuration = BootHTTPConfiguration(port: 0, maximumBodyBytes: 1000)
        try await HTTPServiceTests.serving(configuration, forwarder: Self.forwarder([region.port])) { _, base, _ in
            let big = String(repeating: "x", count: 1001)
            let told = try await HTTPServiceTests.curl("-i", "-d", big, "\(base)/MAAS/x")
            #expect(told.contains("HTTP/1.1 413 "), "\(told)")
            #expect(
                try await HTTPServiceTests.curl("-i", "-H", "Transfer-Encoding: chunked", "-d", big, "\(base)/MAAS/x").contains("HTTP/1.1 413 "))
            #expect(try await HTTPServiceTests.curl("-d", String(repeating: "x", count: 1000), "\(base)/MAAS/x") == "region")
        }
        let small = BootHTTPConfiguration(port: 0, maximumBufferedBytes: 500)
        try await HTTPServiceTests.serving(small, forwarder: Self.forwarder([region.port])) { _, base, _ in
            let busy = try await HTTPServiceTests.curl("-i", "-d", String(repeating: "x", count: 600), "\(base)/MAAS/x")
            #expect(busy.contains("HTTP/1.1 503 "), "\(busy)")
            // The room was given back.
            for _ in 0..<3 { #expect(try await HTTPServiceTests.curl("-d", String(repeating: "x", count: 400), "\(base)/MAAS/x") == "region") }
        }
    }

    @Test func `another region is asked when one cannot be reached or is not able to`() async throws {
        let good = try await TestRegion()
        let bad = try await TestRegion { _ in TestRegion.Answer(status: 503, body: Array("no database".utf8)) }
        let forwarder = Self.forwarder([try await Self.closedPort(), bad.port, good.port])
        for _ in 0..<6 { #expect(try await forwarder.forward(Self.request()).status == 200) }
        #expect(good.requests.count == 6)
        // A request that may not be made twice is not made again after an answer.
        let statuses = try await (0..<6).asyncMap { _ in try await forwarder.forward(Self.request("POST", body: [1])).status }
        #expect(Set(statuses) == [200, 503])
        #expect(good.requests.count + bad.requests.filter { $0.method == "POST" }.count == 12)
        // With nobody better, the region's own words are passed on.
        let only = Self.forwarder([bad.port])
        #expect(try await only.forward(Self.request()).body == Array("no database".utf8))
    }

    @Test func `a lost answer is asked for again only when that is safe`() async throws {
        let dying = try await TestRegion { _ in TestRegion.Answer(hangsUp: true) }
        let good = try await TestRegion()
        for _ in 0..<2 {
            #expect(try await Self.forwarder([dying.port, good.port]).forward(Self.request()).status == 200)
            #expect(try await Self.forwarder([good.port, dying.port]).forward(Self.request()).status == 200)
        }
        await #expect(throws: RegionForwardError.self) {
            _ = try await Self.forwarder([dying.port]).forward(Self.request("POST", body: [1]))
        }
        #expect(dying.requests.filter { $0.method == "POST" }.count == 1)
    }

    @Test func `connections are kept, and one that the region closed is no failure`() async throws {
        let region = try await TestRegion { request in
            TestRegion.Answer(headers: request.uri == "/MAAS/bye" ? [("Connection", "close")] : [])
        }
        let forwarder = Self.forwarder([region.port])
        for _ in 0..<5 { #expect(try await forwarder.forward(Self.request()).status == 200) }
        #expect(region.connectionCount == 1)
        var bye = Self.request()
        bye.uri = "/MAAS/bye"
        #expect(try await forwarder.forward(bye).status == 200)
        #expect(try await forwarder.forward(Self.request()).status == 200)
        #expect(region.connectionCount == 2)
        forwarder.replace(endpoints: [])
        await #expect(throws: RegionForwardError.self) { _ = try await forwarder.forward(Self.request()) }
    }

    @Test func `a region that does not answer in time, or too much, is given up`() async throws {
        let gate = try await TestRegion { _ in TestRegion.Answer(body: Array(repeating: 7, count: 100_000)) }
        let small = Self.forwarder([gate.port], RegionForwarderConfiguration(maximumResponseBytes: 1000))
        await #expect(throws: RegionForwardError.self) { _ = try await small.forward(Self.request()) }
        // A listening socket that nobody serves.
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let impatient = Self.forwarder(
            [silent.localAddress?.port ?? 0], RegionForwarderConfiguration(responseTimeout: .milliseconds(100)))
        await #expect(throws: RegionForwardError.self) { _ = try await impatient.forward(Self.request("POST", body: [1])) }
        try await silent.close()
    }

    @Test func `over mutual TLS only a region is talked to`() async throws {
        let authority = try CertificateAuthority.create(commonName: "test")
        func identity(_ role: String) throws -> TLSIdentity {
            let issued = try authority.issue(
                commonName: role, subjectAlternativeNames: [.uri(role), .ip("127.0.0.1")], validity: .seconds(3600))
            return try TLSIdentity(
                certificateChainPEM: issued.certificatePEM, privateKeyPEM: issued.privateKeyPEM, trustedAuthorityPEM: authority.certificatePEM)
        }
        let region = try await TestRegion(tls: try TLSContext.mutualServer(identity: try identity("gantry:region:abc346")))
        let impostor = try await TestRegion(tls: try TLSContext.mutualServer(identity: try identity("gantry:rack:abc347")))
        let context = try TLSContext.mutualClient(identity: try identity("gantry:rack:abc348"))
        func forwarder(_ ports: [Int]) -> RegionHTTPForwarder {
            RegionHTTPForwarder(
                endpoints: ports.map { RegionEndpoint(host: "127.0.0.1", port: $0) }, group: MultiThreadedEventLoopGroup.singleton,
                context: { context }, logger: Self.logger)
        }
        let both = forwarder([impostor.port, region.port])
        for _ in 0..<4 {
            #expect(try await both.forward(Self.request()).body == Array("region".utf8))
            #expect(try await both.forward(Self.request("POST", body: BootFixture.pattern(100_000))).status == 200)
        }
        #expect(impostor.requests.isEmpty && region.requests.count == 8)
        await #expect(throws: RegionForwardError.self) { _ = try await forwarder([impostor.port]).forward(Self.request()) }
    }
}
