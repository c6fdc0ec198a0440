// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Who gets which connection, when to open and close them. Pure: events in, effects out.
struct PoolCore: Sendable {
    typealias Instant = ContinuousClock.Instant
    typealias ConnectionID = Int
    typealias WaiterID = UInt64

    /// How a connection is used.
    enum Mode: Sendable, Equatable {
        /// Others may send queries between ours.
        case shared
        /// Nobody else until it is released.
        case exclusive
    }

    enum Event: Sendable {
        case requested(WaiterID, Mode, deadline: Instant)
        case withdrawn(WaiterID)
        case connected(ConnectionID)
        /// It accepts no more queries, by its own decision.
        case retiring(ConnectionID)
        /// It is gone, or never came to be.
        case ended(ConnectionID)
        case released(ConnectionID, Mode, isReusable: Bool)
        case timePassed
        case shutDown
    }

    enum Refusal: Sendable, Equatable {
        case queueFull
        case timedOut
        case shutDown
    }

    enum Effect: Sendable, Equatable {
        case connect(ConnectionID)
        case grant(WaiterID, ConnectionID)
        case refuse(WaiterID, Refusal)
        /// Give it no more queries and close it when its last one is answered.
        case close(ConnectionID)
        /// Ask the server something, to see whether it is still there.
        case probe(ConnectionID)
    }

    /// Each connection is in one of these.
    enum Slot: Sendable, Equatable {
        case connecting
        case idle(since: Instant, probed: Instant)
        case shared(users: Int)
        case exclusive
        case closing
    }

    struct Waiter: Sendable {
        let id: WaiterID
        let mode: Mode
        let deadline: Instant
    }

    private let configuration: PostgresConfiguration
    private var generator: SplitMix64
    private(set) var slots: [ConnectionID: Slot] = [:]
    private(set) var waiters: [Waiter] = []
    /// Attempts to connect that failed in a row.
    private(set) var consecutiveFailures = 0
    private var retryAt: Instant?
    private var lastConnection = 0
    private(set) var isShutDown = false

    /// - Parameter seed: For the jitter of the pauses between attempts.
    init(configuration: PostgresConfiguration, seed: UInt64) {
        self.configuration = configuration
        self.generator = SplitMix64(state: seed)
    }

    mutating func handle(_ event: Event, now: Instant) -> [Effect] {
        var effects: [Effect] = []
        switch event {
        case .requested(let id, let mode, let deadline):
            if self.isShutDown { return [.refuse(id, .shutDown)] }
            self.waiters.append(Waiter(id: id, mode: mode, deadline: deadline))
            self.dispatch(now, &effects)
            if self.waiters.count > self.configuration.maximumWaiters, self.waiters.last?.id == id {
                self.waiters.removeLast()
                effects.append(.refuse(id, .queueFull))
            }
            return effects
        case .withdrawn(let id):
            self.waiters.removeAll { $0.id == id }
        case .connected(let id):
            guard self.slots[id] == .connecting else { return [] }
            self.consecutiveFailures = 0
            self.retryAt = nil
            self.slots[id] = .idle(since: now, probed: now)
        case .retiring(let id):
            if self.slots[id] != nil { self.slots[id] = .closing }
        case .ended(let id):
            guard let slot = self.slots.removeValue(forKey: id) else { return [] }
            if slot == .connecting { self.failed(now) }
        case .released(let id, let mode, let isReusable):
            self.release(id, mode, isReusable: isReusable, now, &effects)
        case .timePassed:
            self.expireWaiters(now, &effects)
            self.maintain(now, &effects)
        case .shutDown:
            self.isShutDown = true
            effects += self.waiters.map { .refuse($0.id, .shutDown) }
            self.waiters = []
            for id in self.slots.keys.sorted() where self.slots[id] != .closing {
                self.slots[id] = .closing
                effects.append(.close(id))
            }
        }
        self.dispatch(now, &effects)
        return effects
    }

    /// When `timePassed` is due; `nil` when nothing waits for time.
    var nextDeadline: Instant? {
        var deadlines = self.waiters.map(\.deadline)
        let hasRoom = self.slots.count < self.configuration.maximumConnections
        if let retryAt = self.retryAt, !self.waiters.isEmpty, self.connecting == 0, hasRoom { deadlines.append(retryAt) }
        let open = self.open
        for slot in self.slots.values {
            if case .idle(let since, let probed) = slot {
                deadlines.append(probed + self.configuration.probeInterval)
                if open > 1 { deadlines.append(since + self.configuration.idleTimeout) }
            }
        }
        return deadlines.min()
    }

    /// Connections that are not about to end.
    private var open: Int { self.slots.values.count { $0 != .closing } }

    var connecting: Int { self.slots.values.count { $0 == .connecting } }

    // MARK: Parts

    private mutating func failed(_ now: Instant) {
        self.consecutiveFailures += 1
        var pause = self.configuration.backoffMinimum
        for _ in 1..<max(2, min(self.consecutiveFailures, 32)) where self.consecutiveFailures > 1 {
            pause = min(pause * 2, self.configuration.backoffMaximum)
        }
        // Between half and all of it, so that many clients of one server do not come back as one.
        let share = Double.random(in: 0.5...1, using: &self.generator)
        self.retryAt = now + pause * share
    }

    private mutating func release(_ id: ConnectionID, _ mode: Mode, isReusable: Bool, _ now: Instant, _ effects: inout [Effect]) {
        switch (self.slots[id], mode) {
        case (.shared(let users), .shared) where isReusable:
            self.slots[id] = users > 1 ? .shared(users: users - 1) : .idle(since: now, probed: now)
        case (.exclusive, .exclusive) where isReusable:
            self.slots[id] = .idle(since: now, probed: now)
        case (.shared, .shared), (.exclusive, .exclusive):
            self.slots[id] = .closing
            effects.append(.close(id))
        default:
            // Ended or closing already.
            break
        }
    }

    private mutating func expireWaiters(_ now: Instant, _ effects: inout [Effect]) {
        for waiter in self.waiters where waiter.deadline <= now { effects.append(.refuse(waiter.id, .timedOut)) }
        self.waiters.removeAll { $0.deadline <= now }
    }

    private mutating func maintain(_ now: Instant, _ effects: inout [Effect]) {
        for id in self.slots.keys.sorted() {
            guard case .idle(let since, let probed) = self.slots[id] else { continue }
            if self.open > 1, since + self.configuration.idleTimeout <= now {
                self.slots[id] = .closing
                effects.append(.close(id))
            } else if probed + self.configuration.probeInterval <= now {
                self.slots[id] = .idle(since: since, probed: now)
                effects.append(.probe(id))
            }
        }
    }

    /// Serves the waiters in order, and opens connections for those who are left.
    private mutating func dispatch(_ now: Instant, _ effects: inout [Effect]) {
        guard !self.isShutDown else { return }
        var hadToShare = false
        var served = 0
        for waiter in self.waiters {
            guard let (id, slot) = self.choose(waiter.mode) else { break }
            if case .shared(let users) = slot, users > 1 { hadToShare = true }
            self.slots[id] = slot
            effects.append(.grant(waiter.id, id))
            served += 1
        }
        self.waiters.removeFirst(served)
        let wanted = max(self.waiters.count, hadToShare ? 1 : 0)
        let allowed: Int
        if self.consecutiveFailures > 0 {
            // One at a time, after the pause, until one succeeds.
            allowed = self.connecting == 0 && (self.retryAt.map { $0 <= now } ?? true) ? 1 : 0
        } else {
            allowed = self.configuration.maximumConnections
        }
        let room = self.configuration.maximumConnections - self.slots.count
        let count = min(wanted - self.connecting, allowed, room)
        guard count > 0 else { return }
        for _ in 0..<count {
            self.lastConnection += 1
            self.slots[self.lastConnection] = .connecting
            effects.append(.connect(self.lastConnection))
        }
    }

    /// The connection for a new user, and its slot with that user.
    private func choose(_ mode: Mode) -> (ConnectionID, Slot)? {
        var mostRecent: (id: ConnectionID, since: Instant)?
        var leastUsed: (id: ConnectionID, users: Int)?
        for (id, slot) in self.slots {
            switch slot {
            case .idle(let since, _):
                // The most recently used first, so that those not needed reach their idle timeout.
                if mostRecent.map({ ($0.since, $0.id) < (since, id) }) ?? true { mostRecent = (id, since) }
            case .shared(let users):
                if users < self.configuration.maximumPipelineDepth, leastUsed.map({ (users, id) < ($0.users, $0.id) }) ?? true {
                    leastUsed = (id, users)
                }
            case .connecting, .exclusive, .closing:
                break
            }
        }
        if let mostRecent { return (mostRecent.id, mode == .shared ? .shared(users: 1) : .exclusive) }
        guard mode == .shared, let leastUsed else { return nil }
        return (leastUsed.id, .shared(users: leastUsed.users + 1))
    }
}

/// A small random generator that a seed repeats (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct SplitMix64: RandomNumberGenerator, Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
