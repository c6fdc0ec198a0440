// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A set of VLANs that switches connect.
public struct Fabric: Sendable, Hashable, Codable {
    public var id: Int
    public var name: String
    public var description: String
    public var classType: String?

    public init(id: Int, name: String, description: String, classType: String?) {
        self.id = id
        self.name = name
        self.description = description
        self.classType = classType
    }
}
