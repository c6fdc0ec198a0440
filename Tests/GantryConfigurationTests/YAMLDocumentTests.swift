// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import GantryConfiguration

/// What settings files use of YAML.
@Suite struct YAMLDocumentTests {
    @Test func `mappings, lists and texts in block and flow style`() throws {
        let text = """
            # a comment
            system_id: rack34
            regions: {hosts: ["10.0.0.1", 10.0.0.2], cluster_port: 5250}
            tls:
              file: '/etc/a: b'
              empty:
            list:
              - one
              - two
            """
        #expect(
            try YAMLDocument(text)
                == .mapping([
                    ("system_id", .scalar("rack34")),
                    ("regions", .mapping([("hosts", .sequence([.scalar("10.0.0.1"), .scalar("10.0.0.2")])), ("cluster_port", .scalar("5250"))])),
                    ("tls", .mapping([("file", .scalar("/etc/a: b")), ("empty", .scalar(""))])),
                    ("list", .sequence([.scalar("one"), .scalar("two")])),
                ])
        )
    }

    @Test func `scalars stay as they were written`() throws {
        #expect(try YAMLDocument("a: 0x10\nb: yes\nc: 1.50") == .mapping([("a", .scalar("0x10")), ("b", .scalar("yes")), ("c", .scalar("1.50"))]))
    }

    @Test func `an empty file is an empty mapping`() throws {
        #expect(try YAMLDocument("") == .mapping([]))
        #expect(try YAMLDocument("# nothing\n") == .mapping([]))
    }

    @Test func `an alias is what it stands for`() throws {
        #expect(try YAMLDocument("a: &x [1]\nb: *x") == .mapping([("a", .sequence([.scalar("1")])), ("b", .sequence([.scalar("1")]))]))
    }

    @Test(arguments: ["a: [1, 2", "a: b: c", "\t- x", "a: \"", "? [1]\n: 2", "&x [*x]"]) func `what is wrong is said, never a crash`(text: String) {
        #expect(throws: YAMLError.self) { try YAMLDocument(text) }
    }

    @Test func `the line of a mistake is named`() {
        let error = #expect(throws: YAMLError.self) { try YAMLDocument("a: 1\nb: [\nc: }") }
        #expect(error?.description.hasPrefix("line 3") == true)
    }

    @Test func `every prefix of a file is read or refused`() {
        let text = "regions: {hosts: [\"10.0.0.1\"], port: 5250}\ntls:\n  file: 'x'\n"
        for length in 0...text.utf8.count { _ = try? YAMLDocument(String(decoding: text.utf8.prefix(length), as: UTF8.self)) }  // must not crash
    }
}
