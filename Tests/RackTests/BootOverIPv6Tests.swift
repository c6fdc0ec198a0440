// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import Domain
import NIOPosix
import Rack
import TestSupport
import Testing

/// The boot servers serve both versions of IP with the same sockets, and what they generate points to the address that was asked.
@Suite(.timeLimit(.minutes(2))) struct BootOverIPv6Tests {
    @Test func `files are read by TFTP over IPv6, in windows of blocks, from the address that was asked`() async throws {
        try await TFTPServiceTests.serving { fixture, service in
            fixture.answers.put(BootFixture.intent(.commissioning))
            let file = BootFixture.pattern(1 << 20)
            fixture.answers.setLoaders(["bootx64.efi": try fixture.content.insert(file)])
            for host in ["[::1]", "127.0.0.1", "[::ffff:127.0.0.1]"] {
                let base = "tftp://\(host):\(service.port)/"
                for size in ["512", "1232", "1468"] {
                    let result = try await execute("curl", ["-sSg", "--tftp-blksize", size, base + "bootx64.efi"])
                    #expect(result.output == file, "\(host) \(size): \(result.error)")
                }
            }
            let script = try await execute("curl", ["-sSg", "tftp://[::1]:\(service.port)/grub/grub.cfg-52:54:00:ab:cd:ef"])
            #expect(String(decoding: script.output, as: UTF8.self).contains("(http,[::1]:5248)"), "\(script.error)")
            try await eventually("the timeline has all") { fixture.observed(.tftpDone).count == 10 }
            #expect(fixture.observed(.tftpDone).map(\.client).filter { $0 == IPAddress("::1") }.count == 4)
            #expect(fixture.observed(.tftpDone).map(\.client).filter { $0 == IPAddress("127.0.0.1") }.count == 6)
        }
    }

    @Test func `windows carry a file over IPv6`() async throws {
        try await TFTPServiceTests.serving { fixture, service in
            let file = BootFixture.pattern(1_428 * 300 + 7)
            fixture.answers.setLoaders(["bootx64.efi": try fixture.content.insert(file)])
            let directory = TemporaryDirectory()
            let options = ["--option", "blksize 1428", "--option", "windowsize 4"]
            let result = try await execute(
                "atftp", options + ["-g", "-r", "bootx64.efi", "-l", "\(directory.path)/x", "::1", "\(service.port)"]
            )
            #expect(directory.read("x") == file, "\(result.error)")
        }
    }

    @Test func `HTTP is spoken on every address of both versions, and scripts point to where they were asked for`() async throws {
        let fixture = try BootFixture()
        let service = BootHTTPService(
            configuration: BootHTTPConfiguration(port: 0, drainTime: .milliseconds(100)), answers: fixture.answers, content: fixture.content,
            fetches: fixture.fetches, observations: fixture.observations, forwarder: HTTPServiceTests.NoRegion(), logger: fixture.logger,
            group: MultiThreadedEventLoopGroup.singleton)
        let port = try await service.bind()
        let file = BootFixture.pattern(100_000)
        let digest = try fixture.content.insert(file)
        try await fixture.serving {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await service.run() }
                for host in ["[::1]", "127.0.0.1"] {
                    let result = try await execute("curl", ["-sSg", "http://\(host):\(port)/images/\(digest)/x"])
                    #expect(result.output == file, "\(result.error)")
                    let script = try await execute("curl", ["-sSg", "http://\(host):\(port)/ipxe.cfg"])
                    #expect(String(decoding: script.output, as: UTF8.self).contains("http://\(host):5248"), "\(script.error)")
                }
                try await eventually("the timeline has all") { fixture.observed(.httpDone).count == 4 }
                #expect(fixture.observed(.httpDone).map(\.client) == ["::1", "::1", "127.0.0.1", "127.0.0.1"].map { IPAddress($0) })
                group.cancelAll()
            }
        }
    }
}
