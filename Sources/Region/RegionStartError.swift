// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why regiond does not start.
public struct RegionStartError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
