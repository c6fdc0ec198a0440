// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A script that every installation of Gantry has. What it is for stands in its own comments, in a block as MAAS's scripts have it.
public struct BuiltinScript: Sendable, Hashable {
    /// The name; scripts run in the order of their names.
    public let name: String
    public let title: String
    public let description: String
    /// MAAS's number: 0 commissioning, 2 testing, 3 release, 4 deployment.
    public let scriptType: Int
    /// MAAS's number: 0 node, 1 CPU, 2 memory, 3 storage, 4 network, 5 GPU.
    public let hardwareType: Int
    /// MAAS's number: 0 alone, 1 with others of the same name, 2 with any that may too.
    public let parallel: Int
    /// After this many seconds the script is ended; 0 is never.
    public let timeoutSeconds: Int
    public let content: [UInt8]

    private static let scriptTypes = ["commissioning": 0, "testing": 2, "release": 3, "deployment": 4]
    private static let hardwareTypes = ["node": 0, "cpu": 1, "memory": 2, "storage": 3, "network": 4, "gpu": 5]
    private static let parallels = ["disabled": 0, "instance": 1, "any": 2]

    /// Reads the block of metadata. Built-in scripts are ours: one without a name is a bug and traps.
    init(content: [UInt8]) {
        let fields = Self.metadata(of: content)
        guard let name = fields["name"] else { preconditionFailure("a built-in script has no name in its metadata") }
        self.name = name
        self.title = fields["title"] ?? name
        self.description = fields["description"] ?? ""
        self.scriptType = fields["script_type"].flatMap { Self.scriptTypes[$0] } ?? 0
        self.hardwareType = fields["hardware_type"].flatMap { Self.hardwareTypes[$0] } ?? 0
        self.parallel = fields["parallel"].flatMap { Self.parallels[$0] } ?? 0
        self.timeoutSeconds = fields["timeout"].flatMap { Int($0) } ?? 0
        self.content = content
    }

    /// The `key: value` lines between the two marks, without their comment signs.
    private static func metadata(of content: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        var inside = false
        for line in content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true) {
            let text = String(decoding: line, as: UTF8.self)
            if text.contains("Start MAAS 1.0 script metadata") { inside = true; continue }
            if text.contains("End MAAS 1.0 script metadata") { break }
            guard inside, let colon = text.firstIndex(of: ":") else { continue }
            let key = text[..<colon].drop { $0 == "#" || $0 == " " }
            fields[String(key)] = String(text[text.index(after: colon)...].drop { $0 == " " })
        }
        return fields
    }
}
