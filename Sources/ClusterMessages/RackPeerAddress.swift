// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Where another rack listens for its peers.
public struct RackPeerAddress: Codable, Sendable, Hashable {
    public var rack: SystemID
    public var host: String
    public var port: Int

    public init(rack: SystemID, host: String, port: Int) {
        self.rack = rack
        self.host = host
        self.port = port
    }
}
