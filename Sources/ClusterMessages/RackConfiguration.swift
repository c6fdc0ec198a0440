// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// All that a rack needs in order to serve its segments without asking anybody; pushed whole on each change.
public struct RackConfiguration: LinkMessage, Hashable {
    public static let name = "rack.configure"
    public typealias Reply = RackConfigurationApplied

    /// Tells one configuration from another; equal digests are equal configurations.
    public var digest: String
    public var segments: [SegmentConfiguration]
    /// What known machines are to boot.
    public var bootIntents: [BootIntent]
    /// What unknown machines are to boot; nil while no image was imported.
    public var enlistIntent: BootIntent?
    /// The same for machines of other architectures than amd64, by architecture; nil from a region that does not know of this.
    public var otherEnlistIntents: [String: BootIntent]?
    /// Boot loaders: the name that firmware asks for, and the content's SHA-256.
    public var bootFiles: [String: String]
    /// The files to have in the cache before a machine asks.
    public var images: [ImageReference]
    /// The base URLs of other racks' HTTP servers, which may have an image sooner than a region has sent it; nil from a region that
    /// does not know of this.
    public var siblings: [String]?
    /// The racks that this one shares segments with; nil from a region that does not know of this.
    public var peers: [RackPeerAddress]?
    /// Whether the rack is to hand its shared segments over and take none; nil from a region that does not know of this.
    public var isDrained: Bool?

    public init(
        digest: String, segments: [SegmentConfiguration], bootIntents: [BootIntent], enlistIntent: BootIntent?, bootFiles: [String: String],
        images: [ImageReference], siblings: [String]? = nil, peers: [RackPeerAddress]? = nil, isDrained: Bool? = nil,
        otherEnlistIntents: [String: BootIntent]? = nil
    ) {
        self.digest = digest
        self.segments = segments
        self.bootIntents = bootIntents
        self.enlistIntent = enlistIntent
        self.bootFiles = bootFiles
        self.images = images
        self.siblings = siblings
        self.peers = peers
        self.isDrained = isDrained
        self.otherEnlistIntents = otherEnlistIntents
    }
}

/// The rack's answer to a configuration.
public struct RackConfigurationApplied: Codable, Sendable, Hashable {
    public var digest: String
    /// What could not be done, such as a segment without an interface; for the operator.
    public var problems: [String]

    public init(digest: String, problems: [String]) {
        self.digest = digest
        self.problems = problems
    }
}
