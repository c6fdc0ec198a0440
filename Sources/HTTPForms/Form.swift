// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The fields of one request, in the order in which they came.
///
/// The readers follow what clients of MAAS rely on: a repeated key is a list, the last value of a key wins, and an empty value counts as an
/// absent one.
public struct Form: Sendable, Hashable {
    public var fields: [FormField]

    public init(fields: [FormField] = []) {
        self.fields = fields
    }

    /// Whether the key is there, even with an empty value.
    public func contains(_ name: String) -> Bool {
        self.fields.contains { $0.name == name }
    }

    /// The last value, or nil when there is none or it is empty.
    public func text(_ name: String) -> String? {
        guard let field = self.fields.last(where: { $0.name == name }), !field.value.isEmpty else { return nil }
        return field.text
    }

    /// The last value, also an empty one; nil when the key is not there.
    public func rawText(_ name: String) -> String? {
        self.fields.last { $0.name == name }?.text
    }

    /// The last value's bytes, or nil when the key is not there.
    public func bytes(_ name: String) -> [UInt8]? {
        self.fields.last { $0.name == name }?.value
    }

    /// Every value of the key that is not empty.
    public func texts(_ name: String) -> [String] {
        self.fields.filter { $0.name == name && !$0.value.isEmpty }.map(\.text)
    }

    /// Every element of a list, whether the key is repeated or one value has commas or blanks in it.
    public func list(_ name: String) -> [String] {
        self.texts(name).flatMap { $0.split { $0 == "," || $0.isWhitespace }.map(String.init) }
    }

    /// The uploaded files: parts with a file name.
    public var files: [FormField] { self.fields.filter { $0.filename != nil } }

    /// All values by key, as text.
    public var textsByName: [String: [String]] {
        var result: [String: [String]] = [:]
        for field in self.fields { result[field.name, default: []].append(field.text) }
        return result
    }

    /// The parameters `PREFIX_NAME=value` by NAME.
    public func texts(withPrefix prefix: String) -> [String: String] {
        var result: [String: String] = [:]
        for field in self.fields where field.name.hasPrefix(prefix) { result[String(field.name.dropFirst(prefix.count))] = field.text }
        return result
    }
}
