// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The ports that the API listens on.
public struct RegionAPIPorts: Sendable, Hashable {
    public var plain: Int
    /// Nil without a listener for racks.
    public var rack: Int?

    public init(plain: Int, rack: Int?) {
        self.plain = plain
        self.rack = rack
    }
}
