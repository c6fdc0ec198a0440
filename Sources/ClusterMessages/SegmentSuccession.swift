// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// How racks share a segment: which of them, in which order, and how they know each other's pulses.
public struct SegmentSuccession: Codable, Sendable, Hashable {
    /// Rises with each change of the order.
    public var version: UInt64
    /// The racks that may answer the segment, most preferred first.
    public var racks: [SystemID]
    /// The keys that pulses are authenticated with: the first to write, all of them to read.
    public var pulseKeys: [PulseKey]

    public init(version: UInt64, racks: [SystemID], pulseKeys: [PulseKey]) {
        self.version = version
        self.racks = racks
        self.pulseKeys = pulseKeys
    }
}

/// One of a segment's keys, of an hour.
public struct PulseKey: Codable, Sendable, Hashable {
    /// Tells the keys of a segment apart.
    public var id: UInt32
    /// Lower-case hexadecimal digits.
    public var secret: String

    public init(id: UInt32, secret: String) {
        self.id = id
        self.secret = secret
    }
}
