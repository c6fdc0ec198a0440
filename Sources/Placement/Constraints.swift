// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a machine must be like to be allocated (MAAS: `machines/?op=allocate`). Empty constraints are met by every machine.
public struct Constraints: Sendable, Hashable {
    /// Host name, or with the domain.
    public var name: String?
    public var systemID: SystemID?
    /// Such as `amd64` or `amd64/generic`; one of them.
    public var architectures: [String] = []
    /// At least so many.
    public var cpuCount: Int?
    /// At least so much.
    public var memoryMiB: Int?
    /// All of them.
    public var tags: [String] = []
    /// None of them.
    public var notTags: [String] = []
    public var zone: String?
    public var notZones: [String] = []
    public var pool: String?
    public var notPools: [String] = []

    public init() {}

    /// The parameters that are read here.
    public static let fields = [
        "name", "system_id", "arch", "cpu_count", "mem", "tags", "not_tags", "zone", "not_in_zone", "pool", "not_in_pool",
    ]

    /// Reads the parameters of a request. Empty values count as absent; lists may be repeated, or separated by commas or blanks.
    ///
    /// - Throws: `ConstraintError` naming the parameter.
    public init(parsing fields: [String: [String]]) throws(ConstraintError) {
        func one(_ name: String) -> String? {
            fields[name]?.last { !$0.isEmpty }
        }
        func list(_ name: String) -> [String] {
            (fields[name] ?? []).flatMap { $0.split { $0 == "," || $0.isWhitespace }.map(String.init) }
        }
        self.name = one("name")
        if let text = one("system_id") {
            guard let identity = SystemID(text) else {
                throw ConstraintError(field: "system_id", message: "'\(text.prefix(40))' is not a system id: six characters such as 'ab3def'.")
            }
            self.systemID = identity
        }
        self.architectures = list("arch")
        self.cpuCount = try Self.number(one("cpu_count"), "cpu_count", "a number of cores")
        self.memoryMiB = try Self.number(one("mem"), "mem", "an amount of memory in MiB")
        self.tags = list("tags")
        self.notTags = list("not_tags")
        self.zone = one("zone")
        self.notZones = list("not_in_zone")
        self.pool = one("pool")
        self.notPools = list("not_in_pool")
    }

    private static func number(_ text: String?, _ field: String, _ meaning: String) throws(ConstraintError) -> Int? {
        guard let text else { return nil }
        guard let value = Double(text), value >= 0, value <= 1e12 else {
            throw ConstraintError(field: field, message: "'\(text.prefix(40))' is not \(meaning).")
        }
        return Int(value.rounded(.up))
    }

    /// The constraints in words, in the order of `fields`; for the answer when nothing matches.
    public var summary: String {
        var parts: [String] = []
        if let name { parts.append("name=\(name)") }
        if let systemID { parts.append("system_id=\(systemID)") }
        if !self.architectures.isEmpty { parts.append("arch=\(self.architectures.joined(separator: ","))") }
        if let cpuCount { parts.append("cpu_count=\(cpuCount)") }
        if let memoryMiB { parts.append("mem=\(memoryMiB)") }
        if !self.tags.isEmpty { parts.append("tags=\(self.tags.joined(separator: ","))") }
        if !self.notTags.isEmpty { parts.append("not_tags=\(self.notTags.joined(separator: ","))") }
        if let zone { parts.append("zone=\(zone)") }
        if !self.notZones.isEmpty { parts.append("not_in_zone=\(self.notZones.joined(separator: ","))") }
        if let pool { parts.append("pool=\(pool)") }
        if !self.notPools.isEmpty { parts.append("not_in_pool=\(self.notPools.joined(separator: ","))") }
        return parts.joined(separator: " ")
    }
}
