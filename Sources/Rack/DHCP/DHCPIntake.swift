// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Leasing

/// Between a service's socket and its responder: lets messages through as fast as the limits allow, and keeps the others until it is their
/// turn. Of one thread.
///
/// Two queues, so that a client that shouts delays only clients that shout: those over their own limit wait in one, those that came when
/// the whole segment was over its limit in the other.
struct DHCPIntake: ~Copyable {
    private var admission: DHCPAdmission
    private var shouting: DHCPMessageRing
    private var storm: DHCPMessageRing
    /// Messages that had to wait, and those for which there was no room, since they were last taken.
    private var delayed = 0
    private var dropped = 0

    init(_ limits: DHCPLimits) {
        self.admission = DHCPAdmission(limits)
        self.shouting = DHCPMessageRing(capacity: limits.waiting / 4)
        self.storm = DHCPMessageRing(capacity: limits.waiting)
    }

    /// Takes note of a message; true when it is to be answered at once.
    mutating func admit(_ message: UnsafeBufferPointer<UInt8>, now: Instant) -> Bool {
        let client = unsafe Self.client(of: message)
        let isKept: Bool
        switch self.admission.admit(client, isQueueEmpty: self.storm.count == 0, now: now) {
        case .now: return true
        case .wait(until: let time):
            isKept = unsafe self.shouting.append(message, notBefore: time)
            if !isKept { self.admission.stoppedWaiting(client) }
        case .queue: isKept = unsafe self.storm.append(message, notBefore: .distantPast)
        case .drop: isKept = false
        }
        if isKept { self.delayed &+= 1 } else { self.dropped &+= 1 }
        return false
    }

    /// The next message whose time has come; nil when there is none. Its bytes stay until the next ``admit(_:now:)``.
    mutating func next(now: Instant) -> UnsafeBufferPointer<UInt8>? {
        if self.storm.count > 0 {
            return self.admission.takeFromSegment(now: now) ? unsafe self.storm.removeFirst() : nil
        }
        guard let time = self.shouting.firstNotBefore, time <= now, self.admission.takeFromSegment(now: now) else { return nil }
        let message = unsafe self.shouting.removeFirst()
        unsafe self.admission.stoppedWaiting(Self.client(of: message))
        return unsafe message
    }

    /// How long until ``next(now:)`` has something; nil when nothing waits.
    func pause(now: Instant) -> Duration? {
        var time = self.admission.segmentOpens
        if self.storm.count == 0 {
            guard let first = self.shouting.firstNotBefore else { return nil }
            time = max(time, first)
        }
        return .nanoseconds(max(0, now.nanoseconds(until: time)))
    }

    /// How many messages had to wait and how many were dropped since the last call.
    mutating func takeCounts() -> (delayed: Int, dropped: Int) {
        defer { (self.delayed, self.dropped) = (0, 0) }
        return (self.delayed, self.dropped)
    }

    /// The hardware address, wherever it may end: what is too short to have one is refused by the responder anyway.
    private static func client(of message: UnsafeBufferPointer<UInt8>) -> UInt64 {
        guard message.count >= 34 else { return 0 }
        var client: UInt64 = 0
        for offset in 28..<34 { client = unsafe client << 8 | UInt64(message[offset]) }
        return client
    }
}
