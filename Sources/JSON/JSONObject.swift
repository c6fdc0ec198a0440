// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A JSON object that keeps the order in which its keys came.
///
/// Meant for records of some dozens of keys: looking one up walks them.
public struct JSONObject: Sendable {
    public private(set) var members: [(key: String, value: JSONValue)]

    public init(_ members: [(String, JSONValue)] = []) {
        self.members = members.map { (key: $0.0, value: $0.1) }
    }

    public var keys: [String] { self.members.map(\.key) }
    public var isEmpty: Bool { self.members.isEmpty }

    /// Reads a member, replaces it in its place, appends a new one, or removes it with nil.
    public subscript(key: String) -> JSONValue? {
        get { self.members.first { $0.key == key }?.value }
        set {
            let place = self.members.firstIndex { $0.key == key }
            switch (place, newValue) {
            case (let index?, let value?): self.members[index].value = value
            case (let index?, nil): self.members.remove(at: index)
            case (nil, let value?): self.members.append((key: key, value: value))
            case (nil, nil): break
            }
        }
    }

    /// This object with another's members after its own; the other's values win.
    public func merging(_ other: JSONObject) -> JSONObject {
        var result = self
        for (key, value) in other.members { result[key] = value }
        return result
    }
}

extension JSONObject: Hashable {
    public static func == (left: Self, right: Self) -> Bool {
        left.members.elementsEqual(right.members) { $0.key == $1.key && $0.value == $1.value }
    }

    public func hash(into hasher: inout Hasher) {
        for member in self.members {
            hasher.combine(member.key)
            hasher.combine(member.value)
        }
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements)
    }
}
