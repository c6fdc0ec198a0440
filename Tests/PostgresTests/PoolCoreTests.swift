// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Postgres

@Suite struct PoolCoreTests {
    let start = ContinuousClock.now

    private func core(_ adjust: (inout PostgresConfiguration) -> Void = { _ in }) -> PoolCore {
        var configuration = PostgresConfiguration("")
        configuration.maximumConnections = 2
        configuration.maximumPipelineDepth = 2
        configuration.maximumWaiters = 3
        adjust(&configuration)
        return PoolCore(configuration: configuration, seed: 1)
    }

    private var later: ContinuousClock.Instant { self.start + .seconds(10) }

    @Test func `a first request opens a connection and gets it`() {
        var core = core()
        #expect(core.handle(.requested(1, .shared, deadline: later), now: start) == [.connect(1)])
        #expect(core.handle(.connected(1), now: start) == [.grant(1, 1)])
        #expect(core.slots == [1: .shared(users: 1)])
        #expect(core.handle(.released(1, .shared, isReusable: true), now: start) == [])
        #expect(core.slots == [1: .idle(since: start, probed: start)])
    }

    @Test func `reads share when nothing is idle and a second connection is opened`() {
        var core = core()
        _ = core.handle(.requested(1, .shared, deadline: later), now: start)
        _ = core.handle(.connected(1), now: start)
        #expect(core.handle(.requested(2, .shared, deadline: later), now: start) == [.grant(2, 1), .connect(2)])
        // Two is the depth: the third waits for the connection that is being opened.
        #expect(core.handle(.requested(3, .shared, deadline: later), now: start) == [])
        #expect(core.handle(.connected(2), now: start) == [.grant(3, 2)])
    }

    @Test func `an exclusive user shares with nobody`() {
        var core = core { $0.maximumConnections = 1 }
        _ = core.handle(.requested(1, .exclusive, deadline: later), now: start)
        #expect(core.handle(.connected(1), now: start) == [.grant(1, 1)])
        #expect(core.handle(.requested(2, .shared, deadline: later), now: start) == [])
        #expect(core.handle(.released(1, .exclusive, isReusable: true), now: start) == [.grant(2, 1)])
    }

    @Test func `an exclusive waiter is not overtaken by readers`() {
        var core = core { $0.maximumConnections = 1 }
        _ = core.handle(.requested(1, .shared, deadline: later), now: start)
        _ = core.handle(.connected(1), now: start)
        #expect(core.handle(.requested(2, .exclusive, deadline: later), now: start) == [])
        #expect(core.handle(.requested(3, .shared, deadline: later), now: start) == [])
        #expect(core.handle(.released(1, .shared, isReusable: true), now: start) == [.grant(2, 1)])
        #expect(core.handle(.released(1, .exclusive, isReusable: true), now: start) == [.grant(3, 1)])
    }

    @Test func `one waiter too many is refused at once`() {
        var core = core()
        for id in 1...3 { _ = core.handle(.requested(UInt64(id), .exclusive, deadline: later), now: start) }
        #expect(core.handle(.requested(4, .exclusive, deadline: later), now: start) == [.refuse(4, .queueFull)])
    }

    @Test func `a waiter is refused at its deadline`() {
        var core = core()
        _ = core.handle(.requested(1, .shared, deadline: later), now: start)
        #expect(core.nextDeadline == later)
        #expect(core.handle(.timePassed, now: later) == [.refuse(1, .timedOut)])
        // Nobody wants the connection any more; it is kept for the next one.
        #expect(core.handle(.connected(1), now: later) == [])
    }

    @Test func `after a failure one attempt is made at a time, with growing pauses`() throws {
        var core = core()
        #expect(core.handle(.requested(1, .exclusive, deadline: later), now: start) == [.connect(1)])
        #expect(core.handle(.requested(2, .exclusive, deadline: later), now: start) == [.connect(2)])
        #expect(core.handle(.ended(1), now: start) == [])
        #expect(core.handle(.ended(2), now: start) == [])
        #expect(core.consecutiveFailures == 2)
        var now = start
        var pauses: [Duration] = []
        for attempt in 3...12 {
            let due = try #require(core.nextDeadline)
            pauses.append(now.duration(to: due))
            now = due
            let effects = core.handle(.timePassed, now: now)
            guard now < later else { break }
            #expect(effects == [.connect(attempt)])
            #expect(core.handle(.ended(attempt), now: now) == [])
        }
        #expect(try #require(pauses.first) <= .milliseconds(100))
        #expect(try #require(pauses.max()) > .milliseconds(1_000))
        #expect(pauses.allSatisfy { $0 <= .seconds(5) })
    }

    @Test func `an idle connection is probed, and closed when there are others`() {
        var core = core {
            $0.probeInterval = .seconds(1); $0.idleTimeout = .seconds(3)
        }
        _ = core.handle(.requested(1, .exclusive, deadline: later), now: start)
        _ = core.handle(.requested(2, .exclusive, deadline: later), now: start)
        _ = core.handle(.connected(1), now: start)
        _ = core.handle(.connected(2), now: start)
        _ = core.handle(.released(1, .exclusive, isReusable: true), now: start)
        _ = core.handle(.released(2, .exclusive, isReusable: true), now: start)
        #expect(core.nextDeadline == start + .seconds(1))
        #expect(core.handle(.timePassed, now: start + .seconds(1)) == [.probe(1), .probe(2)])
        #expect(core.handle(.timePassed, now: start + .seconds(3)) == [.close(1), .probe(2)])
        #expect(core.handle(.ended(1), now: start + .seconds(3)) == [])
        #expect(core.handle(.timePassed, now: start + .seconds(9)) == [.probe(2)])
    }

    @Test func `a connection that cannot be reused is closed and replaced`() {
        var core = core { $0.maximumConnections = 1 }
        _ = core.handle(.requested(1, .exclusive, deadline: later), now: start)
        _ = core.handle(.connected(1), now: start)
        _ = core.handle(.requested(2, .exclusive, deadline: later), now: start)
        #expect(core.handle(.released(1, .exclusive, isReusable: false), now: start) == [.close(1)])
        #expect(core.handle(.ended(1), now: start) == [.connect(2)])
        #expect(core.handle(.connected(2), now: start) == [.grant(2, 2)])
    }

    @Test func `shutting down refuses and closes everything, once`() {
        var core = core { $0.maximumConnections = 1 }
        _ = core.handle(.requested(1, .exclusive, deadline: later), now: start)
        _ = core.handle(.connected(1), now: start)
        _ = core.handle(.requested(2, .exclusive, deadline: later), now: start)
        #expect(core.handle(.shutDown, now: start) == [.refuse(2, .shutDown), .close(1)])
        #expect(core.handle(.shutDown, now: start) == [])
        #expect(core.handle(.requested(3, .shared, deadline: later), now: start) == [.refuse(3, .shutDown)])
        #expect(core.handle(.released(1, .exclusive, isReusable: true), now: start) == [])
        #expect(core.handle(.ended(1), now: start) == [])
        #expect(core.nextDeadline == nil)
    }

    @Test func `random events keep the bounds, and nobody is forgotten`() {
        for seed in UInt64(1)...200 {
            var generator = SplitMix64(state: seed)
            var core = core()
            var now = start
            var waiting: Set<UInt64> = []
            var leases: [(connection: Int, mode: PoolCore.Mode)] = []
            var live: Set<Int> = []
            var lastWaiter: UInt64 = 0
            func apply(_ effects: [PoolCore.Effect]) {
                for effect in effects {
                    switch effect {
                    case .connect(let id):
                        live.insert(id)
                    case .grant(let waiter, let id):
                        #expect(waiting.remove(waiter) != nil)
                        leases.append((id, core.slots[id] == .exclusive ? .exclusive : .shared))
                    case .refuse(let waiter, _):
                        #expect(waiting.remove(waiter) != nil)
                    case .close, .probe:
                        break
                    }
                }
            }
            for _ in 0..<300 {
                now += .milliseconds(Int.random(in: 0..<500, using: &generator))
                switch Int.random(in: 0..<6, using: &generator) {
                case 0, 1:
                    lastWaiter += 1
                    waiting.insert(lastWaiter)
                    let mode: PoolCore.Mode = Bool.random(using: &generator) ? .shared : .exclusive
                    apply(core.handle(.requested(lastWaiter, mode, deadline: now + .seconds(2)), now: now))
                case 2:
                    if let id = core.slots.filter({ $0.value == .connecting }).keys.min() { apply(core.handle(.connected(id), now: now)) }
                case 3:
                    if let id = live.sorted().randomElement(using: &generator) {
                        live.remove(id)
                        apply(core.handle(.ended(id), now: now))
                    }
                case 4:
                    if !leases.isEmpty {
                        let lease = leases.remove(at: Int.random(in: 0..<leases.count, using: &generator))
                        let isReusable = Int.random(in: 0..<4, using: &generator) > 0
                        apply(core.handle(.released(lease.connection, lease.mode, isReusable: isReusable), now: now))
                    }
                default:
                    apply(core.handle(.timePassed, now: now))
                }
                #expect(core.slots.count <= 2, "seed \(seed)")
                #expect(core.waiters.count <= 3, "seed \(seed)")
                #expect(Set(core.waiters.map(\.id)) == waiting, "seed \(seed)")
                #expect(Set(core.slots.keys) == live, "seed \(seed)")
                if case .some(let next) = core.nextDeadline, core.waiters.isEmpty == false { #expect(next <= now + .seconds(16)) }
            }
        }
    }
}
