// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// How many messages a segment's rack answers. What comes faster waits its turn; what there is no room to wait for is dropped and counted.
public struct DHCPLimits: Sendable, Hashable {
    /// Messages that one client may send at once. A boot is at most eight: firmware, loader and operating system, each with a discover and
    /// a request, and some of them twice.
    public var clientBurst = 16
    /// Messages a second that one client may go on with. The most eager firmware sends four.
    public var clientMessagesPerSecond = 4
    /// Of one client over its limit, this many wait.
    public var clientWaiting = 4
    /// Messages that a segment may send at once.
    public var segmentBurst = 8_192
    /// Messages a second of a whole segment. Far more than machines send, and less than what takes one core, so that a flood on one segment
    /// leaves time for the others.
    public var segmentMessagesPerSecond = 50_000
    /// The messages that wait; 1.5 KiB each, of memory that is used only in a storm.
    public var waiting = 4_096
    /// The clients whose rates are known, a power of two; the one heard least recently is forgotten for a new one.
    public var knownClients = 8_192

    public init() {}
}
