// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Glibc
import HTTPClient
import NIOCore
import NIOPosix
import Rack
import TestSupport
import Testing

/// A boot answer waits for nothing but the rack's own memory.
@Suite struct NeverWaitingTests {
    /// Asks for everything that a machine boots from, while 64 requests wait for the region and as many files for their fetch.
    ///
    /// - Parameter hang: Is called before, and ends what it began when its result is called.
    private static func bootsWhile(_ hang: () async throws -> () -> Void) async throws {
        // It accepts and never answers.
        let region = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let gate = AsyncStream<Void>.makeStream()
        let fixture = try BootFixture()
        let fetches = ContentFetches(source: fixture.content, logger: fixture.logger) { _ in for await _ in gate.stream {} }
        let http = BootHTTPService(
            configuration: BootHTTPConfiguration(
                address: "127.0.0.1", port: 0, maximumConnectionsPerClient: 1000, fetchDeadline: .seconds(3600), forwardDeadline: .seconds(3600),
                drainTime: .zero),
            answers: fixture.answers, content: fixture.content, fetches: fetches, observations: fixture.observations,
            forwarder: HTTPForwardingTests.forwarder([region.localAddress?.port ?? 0], RegionForwarderConfiguration(responseTimeout: .seconds(3600))),
            logger: fixture.logger, group: MultiThreadedEventLoopGroup.singleton)
        let tftp = try TFTPService(
            configuration: TFTPServiceConfiguration(port: 0, maximumSessions: 8, drainTime: .zero), answers: fixture.answers,
            content: fixture.content, fetches: fetches, observations: fixture.observations, logger: fixture.logger)
        let port = try await http.bind()
        let loader = Array("LOADER".utf8)
        fixture.answers.setLoaders(["grubx64.efi": try fixture.content.insert(loader)])
        fixture.answers.put(BootFixture.intent(.commissioning))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await http.run() }
            group.addTask { try await tftp.run() }
            group.addTask { try await fetches.run() }
            var waiting: [RawConnection] = []
            for index in 0..<64 {
                let digest = String(repeating: "0", count: 62) + "\(index + 10)"
                for target in ["/MAAS/metadata/latest/meta-data", "/images/\(digest)/squashfs"] {
                    let connection = try await RawConnection(port: port)
                    connection.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
                    waiting.append(connection)
                }
            }
            try await eventually("all have asked") { http.connectionCount == waiting.count }
            let resume = try await hang()
            defer { resume() }
            for (path, text) in [
                ("/grubx64.efi", "LOADER"), ("/ipxe.cfg-52:54:00:ab:cd:ef", "#!ipxe"), ("/grub/grub.cfg-52:54:00:ab:cd:ef", "linux"),
            ] {
                #expect(try await HTTPServiceTests.curl("http://127.0.0.1:\(port)\(path)").contains(text), "\(path)")
            }
            let client = try TFTPTestClient()
            #expect(try await client.read("grubx64.efi", from: UInt16(tftp.port), blockSize: 512, windowSize: 1).bytes == loader)
            let text = try await TFTPTestClient().read(
                "pxelinux.cfg/01-52-54-00-ab-cd-ef", from: UInt16(tftp.port), blockSize: 1408, windowSize: 1)
            #expect(String(decoding: text.bytes, as: UTF8.self).contains("LINUX "))
            #expect(waiting.allSatisfy { $0.isOpen && $0.received.isEmpty }, "the others still wait")
            group.cancelAll()
            gate.continuation.finish()
            try await region.close()
        }
    }

    @Test(.timeLimit(.minutes(5))) func `machines boot while no region answers and no fetch ends`() async throws {
        try await Self.bootsWhile { {} }
    }

    @Test(.timeLimit(.minutes(5))) func `machines boot while the disk takes no writes`() async throws {
        try await Self.bootsWhile {
            // All who write or flush do it on this queue; now each of its threads hangs in the kernel.
            var ends: [Int32] = [0, 0]
            guard unsafe pipe(&ends) == 0 else { throw FixtureError("no pipe") }
            let (output, input) = (ends[0], ends[1])
            let writers = (0..<16).map { _ in
                Task {
                    try await DiskQueue.run {
                        var byte: UInt8 = 0
                        _ = unsafe read(output, &byte, 1)
                    }
                }
            }
            return {
                close(input)
                Task {
                    for writer in writers { _ = await writer.result }
                    close(output)
                }
            }
        }
    }
}
