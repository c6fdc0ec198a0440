// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Subprocess
import Testing

@testable import Ephemeral

@Suite
struct EphemeralTests {
    @Test func `base64 is as in the examples of RFC 4648`() {
        let examples = [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ]
        for (plain, encoded) in examples {
            #expect(String(decoding: Base64.encode(plain.utf8), as: UTF8.self) == encoded)
        }
    }

    @Test func `built-in scripts run in the order of their names and say what they are`() throws {
        let scripts = EphemeralAgent.commissioningScripts
        #expect(scripts.map(\.name) == scripts.map(\.name).sorted())
        #expect(Set(scripts.map(\.name)).count == 7)
        for script in scripts {
            #expect(script.content.starts(with: Array("#!/".utf8)), "\(script.name)")
            #expect(script.timeoutSeconds > 0 && !script.title.isEmpty && !script.description.isEmpty, "\(script.name)")
            #expect(script.scriptType == 0)
        }
        let bmc = try #require(scripts.first { $0.name == "30-maas-01-bmc-config" })
        #expect(bmc.parallel == 0 && bmc.timeoutSeconds == 300)
        let list = try #require(scripts.first { $0.name == "maas-lshw" })
        #expect(list.parallel == 2)
    }

    @Test func `user-data is known to the ephemeral OS by its first lines and holds any configuration`() throws {
        let text = String(decoding: EphemeralAgent.userData(configuration: #"{"work": "enlist", "x": "\"\n'''"}"#), as: UTF8.self)
        #expect(text.hasPrefix("#!/usr/bin/python3\n# gantry-agent\nGANTRY_CONFIGURATION = \"eyJ3b3JrIjogImVubGlzdCIs"))
        #expect(!text.contains("'''\"}"))
    }

    @Test func `python reads the configuration that is embedded in user-data`() async throws {
        let configuration = #"{"work": "dance", "quote": "\"'\\", "letters": "äöü"}"#
        let program = EphemeralAgent.userData(configuration: configuration)
        // The program is compiled and its embedded values are printed; nothing of it runs.
        let check = """
            import ast, base64, sys
            tree = ast.parse(sys.stdin.buffer.read())
            values = {node.targets[0].id: node.value.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)}
            sys.stdout.buffer.write(base64.b64decode(values["GANTRY_CONFIGURATION"]))
            assert base64.b64decode(values["GANTRY_BMC_SCRIPT"]).startswith(b"#!/usr/bin/python3")
            """
        let result = try await Subprocess.run(
            .name("python3"), arguments: ["-c", check], input: .array(program), output: .string(limit: 65536), error: .string(limit: 65536)
        )
        #expect(result.terminationStatus == .exited(0), "\(result.standardError)")
        #expect(result.standardOutput == configuration)
    }

    @Test(.timeLimit(.minutes(3))) func `the agent does what its own tests say`() async throws {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let result = try await Subprocess.run(
            .name("python3"), arguments: ["-B", "-m", "unittest", "discover", "-s", folder], output: .discarded, error: .string(limit: 1 << 20)
        )
        #expect(result.terminationStatus == .exited(0), "\(result.standardError)")
    }
}
