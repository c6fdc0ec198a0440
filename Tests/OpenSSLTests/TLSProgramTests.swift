// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Subprocess
import Testing

@testable import OpenSSL

/// One end is ours, the other is the `openssl` program.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct TLSProgramTests {
    let identities: TestIdentities

    init() throws {
        self.identities = try TestIdentities.shared.get()
    }

    private var files: [String: String] {
        [
            "ca.pem": self.identities.authority.certificatePEM,
            "rack.pem": self.identities.rackFiles.certificatePEM, "rack.key": self.identities.rackFiles.privateKeyPEM,
            "region.pem": self.identities.regionFiles.certificatePEM, "region.key": self.identities.regionFiles.privateKeyPEM,
        ]
    }

    private static func connect(_ listener: Listener, _ folder: String, _ more: [String]) async throws -> String {
        try await OpenSSLProgram.run(
            ["s_client", "-connect", "127.0.0.1:\(listener.port)", "-CAfile", "\(folder)/ca.pem", "-verify_return_error", "-ign_eof"] + more,
            input: "who am I?\n")
    }

    @Test func `s_client with a certificate is served over TLS 1_3`() async throws {
        try await Files.with(self.files) { folder in
            try await Listener.with(.mutualServer(identity: self.identities.region), .greetAndClose) { listener in
                let output = try await Self.connect(listener, folder, ["-cert", "\(folder)/rack.pem", "-key", "\(folder)/rack.key"])
                #expect(output.contains("hello <gantry:rack:abc>"), "\(output)")
                #expect(output.contains("TLSv1.3") && output.contains("Verify return code: 0 (ok)"))
                #expect(output.contains("Verification: OK"))
                #expect(listener.first.now.errors.isEmpty)
            }
        }
    }

    @Test func `s_client without a certificate, or with TLS 1_2, is refused by a mutual server`() async throws {
        try await Files.with(self.files) { folder in
            try await Listener.with(.mutualServer(identity: self.identities.region), .greetAndClose) { listener in
                let anonymous = try await Self.connect(listener, folder, [])
                #expect(!anonymous.contains("hello") && anonymous.contains("alert certificate required"), "\(anonymous)")
                let old = try await Self.connect(
                    listener, folder, ["-tls1_2", "-cert", "\(folder)/rack.pem", "-key", "\(folder)/rack.key"])
                #expect(!old.contains("hello") && old.contains("alert protocol version"), "\(old)")
                #expect(listener.recordings.allSatisfy { $0.errorCodes == [.handshakeFailed] })
            }
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `a plain server serves s_client without a certificate`(version: String) async throws {
        let plain = try TLSContext.server(
            certificateChainPEM: self.identities.regionFiles.certificatePEM, privateKeyPEM: self.identities.regionFiles.privateKeyPEM)
        try await Files.with(self.files) { folder in
            try await Listener.with(plain, .greetAndClose) { listener in
                let output = try await Self.connect(listener, folder, [version, "-verify_hostname", "localhost"])
                #expect(output.contains("hello <>") && output.contains("Verify return code: 0 (ok)"), "\(output)")
                #expect(listener.first.now.errors.isEmpty)
            }
        }
    }

    @Test func `key updates of the peer are answered`() async throws {
        try await Files.with(self.files) { folder in
            try await Listener.with(.mutualServer(identity: self.identities.region), .greetAndClose) { listener in
                // A line that is only K asks both ends for new keys; without -ign_eof s_client obeys it.
                let output = try await OpenSSLProgram.run(
                    [
                        "s_client", "-connect", "127.0.0.1:\(listener.port)", "-CAfile", "\(folder)/ca.pem",
                        "-cert", "\(folder)/rack.pem", "-key", "\(folder)/rack.key",
                    ], input: "K\n")
                #expect(output.contains("KEYUPDATE"), "\(output)")
                try await eventually("a clean end") { listener.first.now.isInactive }
                #expect(listener.first.now.errors.isEmpty)
            }
        }
    }

    @Test func `our client talks to s_server`() async throws {
        try await Files.with(self.files) { folder in
            let arguments = [
                "-k", "1", "30", "openssl", "s_server", "-accept", "127.0.0.1:0", "-rev", "-naccept", "1", "-CAfile", "\(folder)/ca.pem",
                "-cert", "\(folder)/region.pem", "-key", "\(folder)/region.key", "-Verify", "1", "-verify_return_error",
            ]
            let client = try TLSContext.mutualClient(identity: self.identities.rack)
            let result = try await Subprocess.run(
                .name("timeout"), arguments: Arguments(arguments), input: .none, output: .sequence, error: .discarded
            ) { execution in
                var lines = execution.standardOutput.strings().makeAsyncIterator()
                while let line = try await lines.next() {
                    guard line.hasPrefix("ACCEPT"), let port = line.split(separator: ":").last.flatMap({ Int($0.filter(\.isNumber)) }) else {
                        continue
                    }
                    let (channel, recording) = try await dial(port, client, expecting: .role("gantry:region:one"))
                    try await channel.writeAndFlush(ByteBuffer(string: "hello\n"))
                    try await eventually("the text comes back reversed") { recording.text == "olleh\n" }
                    try await channel.close()
                    return recording
                }
                return Recording()
            }
            #expect(result.closureResult.now.handshakes.first?.peerURIs == ["gantry:region:one"])
            #expect(result.closureResult.now.errors.isEmpty)
        }
    }
}
