// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif

/// Rules that a compiler does not hold.
@Suite struct TidyTests {
    private static let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())

    private struct Source: Sendable, CustomTestStringConvertible {
        let path: String
        let text: String
        var lines: [Substring] { self.text.split(separator: "\n", omittingEmptySubsequences: false) }
        var module: String { self.path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
        var testDescription: String { self.path }
    }

    private static func files(in folder: String, suffixes: [String]) -> [Source] {
        let all = (try? FileManager.default.subpathsOfDirectory(atPath: "\(Self.root)/\(folder)")) ?? []  // empty fails the test below
        return all.filter { path in suffixes.contains { path.hasSuffix($0) } }.sorted().compactMap { path in
            guard let text = try? String(contentsOfFile: "\(Self.root)/\(folder)/\(path)", encoding: .utf8) else { return nil }  // not text
            return Source(path: "\(folder)/\(path)", text: text)
        }
    }

    private static let sources = Self.files(in: "Sources", suffixes: [".swift", ".c", ".h", ".py"])
    private static let swift = (Self.sources + Self.files(in: "Tests", suffixes: [".swift"])).filter { $0.path.hasSuffix(".swift") }

    /// What each core and codec may import. A module that is not named here is a shell, a contract or a program.
    private static let allowed: [String: Set<String>] = [
        "JSON": [], "Domain": ["JSON"], "DHCP": ["Domain"], "DHCPv6": ["Domain"], "NeighborDiscovery": ["Domain"], "TFTP": [],
        "HTTPForms": ["JSON"], "Lifecycle": ["Domain"], "Placement": ["Domain"], "Leasing": ["Domain"], "LeasingV6": ["Domain", "Leasing"],
        "Succession": ["Domain", "Leasing"], "Membership": ["Domain", "Leasing"],
        "Transfers": ["TFTP"], "BootConfiguration": ["Domain"], "Installation": ["Domain", "JSON"],
        "Inventory": ["Domain", "JSON"],
    ]

    private static func imports(of source: Source) -> [String] {
        source.lines.compactMap { line in
            let words = line.split(separator: " ")
            guard let index = words.firstIndex(of: "import"), index <= 2, !line.hasPrefix("//") else { return nil }
            return words.dropFirst(index + 1).last.map { String($0.split(separator: ".")[0]) }
        }
    }

    @Test func `the tree was found`() {
        #expect(Self.sources.count > 100)
    }

    @Test func `cores and codecs import only what stands below them`() {
        for source in Self.sources where source.path.hasSuffix(".swift") {
            guard let allowed = Self.allowed[source.module] else { continue }
            let others = Set(Self.imports(of: source)).subtracting(allowed).subtracting(["Swift"])
            #expect(others.isEmpty, "\(source.path) imports \(others.sorted())")
        }
    }

    @Test func `cores and codecs read no clock and own no randomness or tasks`() {
        let forbidden = ["ContinuousClock", "SuspendingClock", "Task.sleep", "Task {", "Date()", "SystemRandomNumberGenerator", ".random(in:"]
        for source in Self.sources where Self.allowed[source.module] != nil {
            for word in forbidden where source.text.contains(word) {
                // SystemID.random takes its generator from the caller.
                if word == ".random(in:", source.text.contains("using: &generator") { continue }
                Issue.record("\(source.path) has '\(word)'")
            }
        }
    }

    @Test func `only BMC links FreeIPMI, and only the rack links BMC`() {
        for source in Self.sources where source.path.hasSuffix(".swift") {
            let imports = Self.imports(of: source)
            if imports.contains("CFreeIPMI") { #expect(source.module == "BMC", "\(source.path)") }
            if imports.contains("BMC") { #expect(source.module == "Rack", "\(source.path)") }
        }
    }

    @Test func `only FoundationEssentials is imported, never Foundation`() {
        for source in Self.sources where source.path.hasSuffix(".swift") {
            #expect(!Self.imports(of: source).contains("Foundation"), "\(source.path)")
        }
    }

    @Test func `files stay under 600 lines and begin with the licence`() {
        for source in Self.swift {
            #expect(source.lines.count <= 600, "\(source.path) has \(source.lines.count) lines")
            #expect(
                source.text.hasPrefix("// Gantry: bare metal as a cloud.\n// SPDX-License-Identifier: Apache-2.0\n")
                    || source.path.hasPrefix("Tests/"), "\(source.path)")
        }
    }

    @Test func `nothing is forced, left for later or switched off`() {
        let marks = ["TO" + "DO", "FIX" + "ME", "try" + "!", " as" + "! ", "fatal" + "Error(", ".dis" + "abled(", "with" + "KnownIssue"]
        for source in Self.swift {
            for mark in marks where source.text.contains(mark) { Issue.record("\(source.path) has '\(mark)'") }
        }
    }

    @Test func `types are named for what they are`() {
        for source in Self.sources where source.path.hasSuffix(".swift") {
            let name = source.path.split(separator: "/").last.map(String.init) ?? ""
            for suffix in ["Utils.swift", "Helper.swift", "Helpers.swift", "Manager.swift", "Extensions.swift"] {
                #expect(!name.hasSuffix(suffix), "\(source.path)")
            }
        }
    }
}
