// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Leasing

/// A rack's sign of life to another one that it shares a segment with, four times a second.
public struct PeerHeartbeat: LinkMessage, Hashable {
    public static let name = "peer.heartbeat"
    public typealias Reply = LinkNothing

    /// Random for each start of the rack; pulses carry the same.
    public var boot: UInt64
    /// The segments that the rack believes to answer.
    public var serving: [Int]

    public init(boot: UInt64, serving: [Int]) {
        self.boot = boot
        self.serving = serving
    }
}

/// What racks ask of each other about who answers a segment.
public struct PeerSuccessionOrder: LinkMessage, Hashable {
    public static let name = "peer.succession"
    public typealias Reply = LinkNothing

    public enum Kind: String, Codable, Sendable {
        /// The receiver is to say whether it can take the segment over.
        case offerHandover = "handover.offer"
        /// The sender can.
        case acceptHandover = "handover.accept"
        /// The receiver's DHCP makes no progress: it is to hand the segment over.
        case yield
    }

    public var segmentID: Int
    public var kind: Kind

    public init(segmentID: Int, kind: Kind) {
        self.segmentID = segmentID
        self.kind = kind
    }
}

/// New bindings of the sender, for rule R2; the reply means that the receiver knows them.
public struct PeerBindings: LinkMessage, Hashable {
    public static let name = "peer.bindings"
    public typealias Reply = LinkNothing

    public var replication: BindingReplication

    public init(_ replication: BindingReplication) {
        self.replication = replication
    }
}

/// Asks for all bindings of a segment: what a rack needs before it may stand by.
public struct PeerBindingsRequest: LinkMessage, Hashable {
    public static let name = "peer.bindings.all"
    public typealias Reply = PeerBindingsReply

    public var segmentID: Int

    public init(segmentID: Int) {
        self.segmentID = segmentID
    }
}

/// The bindings that a rack knows.
public struct PeerBindingsReply: Codable, Sendable, Hashable {
    public var replication: BindingReplication

    public init(_ replication: BindingReplication) {
        self.replication = replication
    }
}
