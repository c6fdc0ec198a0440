// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Where images come from: a mirror in simplestreams' form.
public struct BootSource: Sendable, Hashable {
    /// Given by the store.
    public var id: Int
    /// Of the directory with the index.
    public var url: String
    /// The OpenPGP keys that may sign its index; empty for those that come with Gantry.
    public var keyring: [UInt8]
    /// Whether an index without a signature is taken.
    public var allowUnsigned: Bool
    /// Given by the store.
    public var created: Timestamp
    /// Given by the store.
    public var updated: Timestamp

    /// A source that is not stored yet.
    public init(id: Int = 0, url: String, keyring: [UInt8], allowUnsigned: Bool) {
        self.id = id
        self.url = url
        self.keyring = keyring
        self.allowUnsigned = allowUnsigned
        self.created = Timestamp(microseconds: 0)
        self.updated = Timestamp(microseconds: 0)
    }
}
