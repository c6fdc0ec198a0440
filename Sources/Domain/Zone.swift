// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// An availability zone: machines that fail together.
public struct Zone: Sendable, Hashable, Codable {
    public var id: Int
    public var name: String
    public var description: String

    public init(id: Int, name: String, description: String) {
        self.id = id
        self.name = name
        self.description = description
    }
}
