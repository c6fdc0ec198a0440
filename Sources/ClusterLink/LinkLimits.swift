// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The bounds of one link. The defaults suit a few hundred racks on one region.
public struct LinkLimits: Sendable {
    /// The largest frame, without its length field. Default 4 MiB: a configuration of a rack with some thousand machines. At most 64 MiB.
    public var maximumFrameBytes: Int
    /// How many requests of one end may be unanswered at once; further ones wait for their turn. Default 256.
    public var maximumInFlight: Int
    /// How many requests may wait for their turn. Default 4096; the next one fails with `tooManyRequests`.
    public var maximumWaiting: Int
    /// How many bytes of the peer's messages may be in the hands of handlers at once. Default 64 MiB; the next message is refused as `busy`.
    public var maximumIncomingBytes: Int
    /// How many frames may wait for the network. Default 8192; the next one fails with `queueFull`.
    public var maximumQueuedFrames: Int
    /// How many bytes may wait for the network. Default 16 MiB; a frame beyond it fails with `queueFull`.
    public var maximumQueuedBytes: Int
    /// How often to ask whether the peer is alive. Default 2 s.
    public var pingInterval: Duration
    /// After how much silence, or how long with frames queued and none of them taken, the link is given up. Default 10 s: five pings.
    public var deadAfter: Duration
    /// How long connecting may take, and again how long handshake and first reply together may. Default 5 s.
    public var openTimeout: Duration

    /// The defaults, or what is given.
    public init(
        maximumFrameBytes: Int = 4 << 20, maximumInFlight: Int = 256, maximumWaiting: Int = 4096, maximumIncomingBytes: Int = 64 << 20,
        maximumQueuedFrames: Int = 8192, maximumQueuedBytes: Int = 16 << 20, pingInterval: Duration = .seconds(2),
        deadAfter: Duration = .seconds(10), openTimeout: Duration = .seconds(5)
    ) {
        self.maximumFrameBytes = min(max(maximumFrameBytes, 1024), 64 << 20)
        self.maximumInFlight = max(1, maximumInFlight)
        self.maximumWaiting = max(0, maximumWaiting)
        self.maximumIncomingBytes = max(maximumIncomingBytes, self.maximumFrameBytes)
        self.maximumQueuedFrames = max(1, maximumQueuedFrames)
        self.maximumQueuedBytes = max(maximumQueuedBytes, self.maximumFrameBytes + 4)
        self.pingInterval = pingInterval
        self.deadAfter = deadAfter
        self.openTimeout = openTimeout
    }
}
