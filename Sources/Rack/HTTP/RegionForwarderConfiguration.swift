// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The limits of talking to regions.
public struct RegionForwarderConfiguration: Sendable, Hashable {
    /// How long a connection may take to be made.
    public var connectTimeout: Duration
    /// How long a region may take to answer.
    public var responseTimeout: Duration
    /// Octets of an answer's body.
    public var maximumResponseBytes: Int
    /// Connections to one region at the same time.
    public var maximumConnectionsPerRegion: Int
    /// Connections to one region that are kept for later.
    public var maximumIdlePerRegion: Int
    /// How long a connection is kept for later: shorter than regions keep theirs, so that they rarely close one in our face.
    public var idleLifetime: Duration
    /// Regions that are tried for one request.
    public var maximumAttempts: Int
    /// How long a region that could not be reached is asked after all others.
    public var avoidance: Duration

    public init(
        connectTimeout: Duration = .seconds(2), responseTimeout: Duration = .seconds(50), maximumResponseBytes: Int = 64 << 20,
        maximumConnectionsPerRegion: Int = 256, maximumIdlePerRegion: Int = 16, idleLifetime: Duration = .seconds(10),
        maximumAttempts: Int = 3, avoidance: Duration = .seconds(5)
    ) {
        self.connectTimeout = connectTimeout
        self.responseTimeout = responseTimeout
        self.maximumResponseBytes = maximumResponseBytes
        self.maximumConnectionsPerRegion = maximumConnectionsPerRegion
        self.maximumIdlePerRegion = maximumIdlePerRegion
        self.idleLifetime = idleLifetime
        self.maximumAttempts = maximumAttempts
        self.avoidance = avoidance
    }
}
