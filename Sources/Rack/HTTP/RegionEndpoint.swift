// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Where one region answers racks.
public struct RegionEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// An address or a name.
    public var host: String
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    public var description: String { "\(self.host):\(self.port)" }
}
