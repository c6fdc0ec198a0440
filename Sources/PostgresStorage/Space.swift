// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A set of VLANs that route to each other.
public struct Space: Sendable, Hashable, Codable {
    /// Given by the store.
    public var id: Int
    public var name: String
    public var description: String

    /// A space; with the id 0 when it is not stored yet.
    public init(id: Int, name: String, description: String) {
        self.id = id
        self.name = name
        self.description = description
    }
}
