// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// Reads one YAML file of settings. Keys are paths such as `http.port`; each is read once into a typed value, and what
/// nobody has asked for is refused, so that a misspelt key does not go unnoticed.
public final class ConfigurationReader: Sendable {
    private let file: String
    private let values: [String: String]
    private let lists: [String: [String]]
    private let used = Mutex<Set<String>>([])

    /// - Throws: `ConfigurationError` when the file cannot be read or is not a YAML mapping.
    public init(file: String) throws {
        self.file = file
        let text: String
        do {
            text = try String(contentsOfFile: file, encoding: .utf8)
        } catch {
            throw ConfigurationError(file: file, key: "", message: "cannot be read: \(error)")
        }
        let root: YAMLDocument
        do {
            root = try YAMLDocument(text)
        } catch {
            throw ConfigurationError(file: file, key: "", message: "is not YAML: \(error)")
        }
        guard case .mapping(let mapping) = root else {
            throw ConfigurationError(file: file, key: "", message: "expected a mapping of settings")
        }
        var values: [String: String] = [:]
        var lists: [String: [String]] = [:]
        Self.collect(mapping, prefix: "", into: &values, &lists)
        self.values = values
        self.lists = lists
    }

    private static func collect(
        _ mapping: [(key: String, value: YAMLDocument)], prefix: String, into values: inout [String: String],
        _ lists: inout [String: [String]]
    ) {
        for (key, value) in mapping {
            let path = prefix + key
            switch value {
            case .mapping(let inner): Self.collect(inner, prefix: path + ".", into: &values, &lists)
            case .sequence(let items): lists[path] = items.compactMap { if case .scalar(let text) = $0 { text } else { nil } }
            case .scalar(let text): values[path] = text
            }
        }
    }

    private func value(_ key: String) -> String? {
        self.used.withLock { _ = $0.insert(key) }
        return self.values[key].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A text; without a default it has to be there.
    public func text(_ key: String, default fallback: String? = nil) throws -> String {
        guard let value = self.value(key) ?? fallback else {
            throw ConfigurationError(file: self.file, key: key, message: "is missing; expected a text")
        }
        return value
    }

    /// A text that may be missing.
    public func optionalText(_ key: String) -> String? {
        self.value(key)
    }

    /// A whole number in a range.
    public func number(_ key: String, _ range: ClosedRange<Int>, default fallback: Int) throws -> Int {
        guard let text = self.value(key) else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            let expected = "expected a number from \(range.lowerBound) to \(range.upperBound)"
            throw ConfigurationError(file: self.file, key: key, message: "'\(text.prefix(40))': \(expected)")
        }
        return number
    }

    /// A list of texts; a single text counts as a list of one.
    public func list(_ key: String) -> [String] {
        self.used.withLock { _ = $0.insert(key) }
        return self.lists[key] ?? self.values[key].map { [$0] } ?? []
    }

    /// - Throws: `ConfigurationError` naming the first key that nobody has read.
    public func refuseUnknownKeys() throws {
        let used = self.used.withLock { $0 }
        let unknown = Set(self.values.keys).union(self.lists.keys).subtracting(used)
        if let key = unknown.min() {
            throw ConfigurationError(file: self.file, key: key, message: "is not a setting; there are: \(used.sorted().joined(separator: ", "))")
        }
    }
}
