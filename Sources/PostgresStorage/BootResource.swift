// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// The files of one image for one architecture, in all versions that the region knows. It has the id that the API needs.
public struct BootResource: Sendable, Hashable {
    public var id: Int
    public var osystem: String
    public var release: String
    public var architecture: String
    public var subarchitecture: String
    public var assets: [BootAsset]
}
