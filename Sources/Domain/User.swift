// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Someone who uses the API.
public struct User: Sendable, Hashable, Codable {
    public var id: Int
    public var username: String
    public var email: String
    public var isSuperuser: Bool

    public init(id: Int, username: String, email: String, isSuperuser: Bool) {
        self.id = id
        self.username = username
        self.email = email
        self.isSuperuser = isSuperuser
    }
}
