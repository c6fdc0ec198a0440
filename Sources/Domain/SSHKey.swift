// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A user's public SSH key, put on the machines that the user deploys.
public struct SSHKey: Sendable, Hashable, Codable {
    public var id: Int
    public var user: String
    /// One line as in `authorized_keys`.
    public var key: String

    public init(id: Int, user: String, key: String) {
        self.id = id
        self.user = user
        self.key = key
    }
}
