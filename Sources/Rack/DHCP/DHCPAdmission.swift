// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Leasing

/// Decides whose message is answered when: a token bucket for each client and one for the segment, in tables of fixed size. Pure, and
/// without allocation after `init`.
struct DHCPAdmission: Sendable {
    enum Verdict: Sendable, Hashable {
        case now
        /// The client is over its limit: not before this time.
        case wait(until: Instant)
        /// The segment is over its limit: after those who wait already.
        case queue
        case drop
    }

    /// A token bucket in one number (the generic cell rate algorithm): the time at which the bucket would be full again.
    private struct Bucket: Sendable {
        var full = Instant.distantPast

        /// When the next message is within the limit; in the past when it is now.
        func opens(_ rate: Rate) -> Instant {
            self.full == .distantPast ? .distantPast : self.full.advanced(byNanoseconds: -rate.tolerance)
        }

        mutating func take(_ rate: Rate, now: Instant) {
            self.full = max(self.full, now).advanced(byNanoseconds: rate.interval)
        }
    }

    private struct Rate: Sendable {
        var interval: Int64
        var tolerance: Int64

        init(perSecond: Int, burst: Int) {
            self.interval = 1_000_000_000 / Int64(max(1, perSecond))
            self.tolerance = Int64(max(1, burst) - 1) * self.interval
        }
    }

    private struct Client: Sendable {
        var client: UInt64 = 0
        var bucket = Bucket()
        var heard = Instant.distantPast
        /// Its messages that wait.
        var waiting = 0
    }

    /// A client is in one of four places: an attacker with made-up addresses can only make others forgotten, who then have a full bucket.
    private static let ways = 4
    private let limits: DHCPLimits
    private let clientRate: Rate
    private let segmentRate: Rate
    private var clients: [Client]
    private var segment = Bucket()

    init(_ limits: DHCPLimits) {
        self.limits = limits
        self.clientRate = Rate(perSecond: limits.clientMessagesPerSecond, burst: limits.clientBurst)
        self.segmentRate = Rate(perSecond: limits.segmentMessagesPerSecond, burst: limits.segmentBurst)
        var size = Self.ways
        while size < limits.knownClients, size < 1 << 20 { size *= 2 }
        self.clients = Array(repeating: Client(), count: size)
    }

    /// Takes note of a message.
    ///
    /// - Parameter isQueueEmpty: false while messages wait for the segment's rate: nobody overtakes them.
    mutating func admit(_ client: UInt64, isQueueEmpty: Bool, now: Instant) -> Verdict {
        let index = self.place(of: client, now: now)
        let opens = self.clients[index].bucket.opens(self.clientRate)
        if opens > now {
            guard self.clients[index].waiting < self.limits.clientWaiting else { return .drop }
            self.clients[index].waiting += 1
            self.clients[index].bucket.take(self.clientRate, now: now)
            return .wait(until: opens)
        }
        self.clients[index].bucket.take(self.clientRate, now: now)
        guard isQueueEmpty, self.takeFromSegment(now: now) else { return .queue }
        return .now
    }

    /// Takes one of the segment's messages; false when it has none left now.
    mutating func takeFromSegment(now: Instant) -> Bool {
        guard self.segment.opens(self.segmentRate) <= now else { return false }
        self.segment.take(self.segmentRate, now: now)
        return true
    }

    /// When the segment has a message again.
    var segmentOpens: Instant { self.segment.opens(self.segmentRate) }

    /// A client's message waits no longer.
    mutating func stoppedWaiting(_ client: UInt64) {
        let set = self.firstPlace(of: client)
        for index in set..<(set + Self.ways) where self.clients[index].client == client {
            self.clients[index].waiting = max(0, self.clients[index].waiting - 1)
        }
    }

    private func firstPlace(of client: UInt64) -> Int {
        let mixed = (client &+ 1) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: (mixed ^ (mixed >> 29)) >> 16) & (self.clients.count / Self.ways - 1) * Self.ways
    }

    private mutating func place(of client: UInt64, now: Instant) -> Int {
        let set = self.firstPlace(of: client)
        var oldest = set
        for index in set..<(set + Self.ways) {
            if self.clients[index].client == client, self.clients[index].heard != .distantPast {
                self.clients[index].heard = now
                return index
            }
            if self.clients[index].heard < self.clients[oldest].heard { oldest = index }
        }
        self.clients[oldest] = Client(client: client, heard: now)
        return oldest
    }
}
