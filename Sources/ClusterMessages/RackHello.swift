// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// The first message of a rack on a new link: who it is and which networks it reaches.
public struct RackHello: LinkMessage, Hashable {
    public static let name = "rack.hello"
    public typealias Reply = RegionWelcome

    public var rack: SystemID
    public var hostname: String
    public var softwareVersion: String
    public var interfaces: [ControllerInterface]
    /// The port of the rack's HTTP service for machines.
    public var httpPort: Int
    /// Where the rack listens for the racks that it shares segments with; nil from one that shares none.
    public var peerPort: Int?

    public init(rack: SystemID, hostname: String, softwareVersion: String, interfaces: [ControllerInterface], httpPort: Int, peerPort: Int? = nil) {
        self.rack = rack
        self.hostname = hostname
        self.softwareVersion = softwareVersion
        self.interfaces = interfaces
        self.httpPort = httpPort
        self.peerPort = peerPort
    }
}

/// The region's answer to a rack's hello. A `RackConfiguration` follows by itself.
public struct RegionWelcome: Codable, Sendable, Hashable {
    public var region: SystemID
    public var softwareVersion: String

    public init(region: SystemID, softwareVersion: String) {
        self.region = region
        self.softwareVersion = softwareVersion
    }
}
