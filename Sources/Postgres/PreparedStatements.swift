// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Which statements a session has prepared, bounded: the least recently used gives way.
struct PreparedStatements: Sendable {
    /// Text and parameter types: the same text with other types is another statement.
    struct Key: Hashable, Sendable {
        let sql: String
        let types: [PostgresType]
    }

    private struct Entry {
        let name: String
        var lastUse: UInt64
    }

    private let limit: Int
    private var entries: [Key: Entry] = [:]
    private var uses: UInt64 = 0
    private var created: UInt64 = 0
    /// Names that the server still knows and we no longer use.
    private(set) var retired: [String] = []

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { self.entries.count }

    /// The statement's name, and whether it must be prepared first.
    mutating func use(_ key: Key) -> (name: String, isNew: Bool) {
        self.uses += 1
        if let entry = self.entries[key] {
            self.entries[key]?.lastUse = self.uses
            return (entry.name, false)
        }
        if self.entries.count >= self.limit, let oldest = self.entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            self.entries[oldest.key] = nil
            self.retired.append(oldest.value.name)
        }
        self.created += 1
        let name = "gantry_\(self.created)"
        self.entries[key] = Entry(name: name, lastUse: self.uses)
        return (name, true)
    }

    /// Forgets a statement; if the server may know it, it is to be deallocated.
    mutating func forget(_ key: Key, name: String, isOnServer: Bool) {
        // Several queries in flight may report the same statement.
        guard self.entries[key]?.name == name else { return }
        self.entries[key] = nil
        if isOnServer { self.retired.append(name) }
    }

    /// Takes the names to deallocate.
    mutating func takeRetired() -> [String] {
        defer { self.retired = [] }
        return self.retired
    }

    /// Gives a name back that could not be deallocated now.
    mutating func restore(_ name: String) {
        self.retired.append(name)
    }
}
