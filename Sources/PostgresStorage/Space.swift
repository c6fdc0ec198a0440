// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A set of VLANs that route to each other.
public struct Space: Sendable, Hashable, Codable {
    public var id: Int
    public var name: String
    public var description: String

    public init(id: Int, name: String, description: String) {
        self.id = id
        self.name = name
        self.description = description
    }
}
