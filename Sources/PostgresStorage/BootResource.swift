// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// The files of one image for one architecture, in all versions that the region knows. It has the id that the API needs.
public struct BootResource: Sendable, Hashable {
    /// Given by the store.
    public var id: Int
    /// Such as `debian`.
    public var osystem: String
    /// Such as `bookworm`.
    public var release: String
    /// Such as `amd64`.
    public var architecture: String
    /// Such as `generic`.
    public var subarchitecture: String
    /// In order of version, kind and name.
    public var assets: [BootAsset]
}
