// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The bookkeeping of one link, without a network: what may be sent, what may be taken in, and whether the peer is alive.
struct LinkCore: Sendable {
    /// What to do at a tick of the keepalive clock.
    enum Keepalive: Equatable {
        /// The last ping has not even been sent: another one would tell nothing.
        case nothing
        case ping
        case dead(String)
    }

    private let limits: LinkLimits
    /// How many of our requests the peer takes at once: our limit or its own.
    private(set) var window: Int
    /// The largest frame that the peer takes: our limit or its own.
    private(set) var maximumFrameBytes: Int

    /// Requests that were sent and are not answered.
    private(set) var inFlight: Set<UInt64> = []
    /// Requests that wait until ``window`` lets them go; those that have ended meanwhile are only in here and not in `waiting`.
    private var backlog = CircularBuffer<UInt64>()
    private(set) var waiting: Set<UInt64> = []
    private var lastRequestID: UInt64 = 0

    private(set) var incomingRequests = 0
    private(set) var incomingEvents = 0
    private(set) var incomingBytes = 0
    private(set) var queuedFrames = 0
    private(set) var queuedBytes = 0
    private var lastHeard: NIODeadline
    private var lastProgress: NIODeadline
    private var isPingQueued = false
    private var isPongQueued = false

    init(limits: LinkLimits, now: NIODeadline) {
        self.limits = limits
        self.window = limits.maximumInFlight
        self.maximumFrameBytes = limits.maximumFrameBytes
        self.lastHeard = now
        self.lastProgress = now
    }

    /// Keeps to the peer's limits from its hello. Nonsense is taken for the smallest sensible value.
    mutating func adopt(peerInFlight: Int, peerFrameBytes: Int) {
        self.window = min(self.limits.maximumInFlight, max(1, peerInFlight))
        self.maximumFrameBytes = min(self.limits.maximumFrameBytes, max(1024, peerFrameBytes))
    }

    // MARK: Our requests

    /// Makes room for a request of so many bytes on the wire, which is in flight at once or must wait for its turn.
    mutating func beginRequest(bytes: Int, now: NIODeadline) throws(LinkError) -> UInt64 {
        let sendNow = self.inFlight.count < self.window
        guard sendNow || self.waiting.count < self.limits.maximumWaiting else { throw .tooManyRequests }
        guard self.enqueue(bytes: bytes, now: now) else { throw .queueFull }
        self.lastRequestID &+= 1
        if sendNow {
            self.inFlight.insert(self.lastRequestID)
        } else {
            self.waiting.insert(self.lastRequestID)
            self.backlog.append(self.lastRequestID)
        }
        return self.lastRequestID
    }

    /// Ends a request, answered or not. Returns those whose turn has come.
    mutating func endRequest(_ id: UInt64, unsentBytes: Int, now: NIODeadline) -> [UInt64] {
        if self.waiting.remove(id) != nil {
            self.dequeue(bytes: unsentBytes)
            if self.waiting.isEmpty { self.backlog.removeAll() }
            return []
        }
        guard self.inFlight.remove(id) != nil else { return [] }
        var next: [UInt64] = []
        while self.inFlight.count < self.window, let candidate = self.backlog.popFirst() {
            guard self.waiting.remove(candidate) != nil else { continue }
            self.inFlight.insert(candidate)
            next.append(candidate)
        }
        // They have only now begun to wait for the network.
        if !next.isEmpty, self.queuedFrames - self.waiting.count == next.count { self.lastProgress = now }
        return next
    }

    // MARK: The peer's requests and events

    /// Whether a message of the peer's may be handled now. Events are counted apart, because their sender does not wait for its turn.
    mutating func admit(bytes: Int, isEvent: Bool) -> Bool {
        let count = isEvent ? self.incomingEvents : self.incomingRequests
        // Twice the peer's window: it may use a place again as soon as it has our reply, before this end has counted the handler as done.
        let limit = isEvent ? self.limits.maximumInFlight : 2 * self.limits.maximumInFlight
        guard count < limit, self.incomingBytes + bytes <= self.limits.maximumIncomingBytes else { return false }
        if isEvent { self.incomingEvents += 1 } else { self.incomingRequests += 1 }
        self.incomingBytes += bytes
        return true
    }

    /// A message of the peer's has been handled.
    mutating func finish(bytes: Int, isEvent: Bool) {
        if isEvent { self.incomingEvents -= 1 } else { self.incomingRequests -= 1 }
        self.incomingBytes -= bytes
    }

    // MARK: The outgoing queue

    /// Whether a frame of so many bytes may be queued.
    func hasRoom(bytes: Int) -> Bool {
        self.queuedFrames < self.limits.maximumQueuedFrames && self.queuedBytes + bytes <= self.limits.maximumQueuedBytes
    }

    /// Makes room for a frame of so many bytes; false when there is none.
    mutating func enqueue(bytes: Int, now: NIODeadline) -> Bool {
        guard self.hasRoom(bytes: bytes) else { return false }
        if self.queuedFrames == self.waiting.count { self.lastProgress = now }
        self.queuedFrames += 1
        self.queuedBytes += bytes
        return true
    }

    /// The network has taken a frame.
    mutating func written(bytes: Int, now: NIODeadline) {
        self.dequeue(bytes: bytes)
        self.lastProgress = now
    }

    private mutating func dequeue(bytes: Int) {
        self.queuedFrames -= 1
        self.queuedBytes -= bytes
    }

    // MARK: Keepalive

    /// Bytes came from the peer.
    mutating func heard(now: NIODeadline) {
        self.lastHeard = now
    }

    /// Whether to answer a ping: an answer that still waits for the network will do for several.
    mutating func shouldAnswerPing() -> Bool {
        if self.isPongQueued { return false }
        self.isPongQueued = true
        return true
    }

    /// The network has taken the pong.
    mutating func pongWritten() {
        self.isPongQueued = false
    }

    /// The network has taken the ping.
    mutating func pingWritten() {
        self.isPingQueued = false
    }

    /// Looks at the clock.
    mutating func tick(now: NIODeadline) -> Keepalive {
        let patience = TimeAmount(self.limits.deadAfter)
        if now - self.lastHeard > patience { return .dead("nothing heard for \(self.limits.deadAfter)") }
        // A request that waits for its turn waits for the peer's replies, not for the network.
        if self.queuedFrames > self.waiting.count, now - self.lastProgress > patience {
            return .dead("the peer has read nothing for \(self.limits.deadAfter)")
        }
        if self.isPingQueued { return .nothing }
        self.isPingQueued = true
        return .ping
    }
}
