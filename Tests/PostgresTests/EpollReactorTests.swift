// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

@testable import Postgres

@Suite struct EpollReactorTests {
    private actor Resident {
        nonisolated let reactor: EpollReactor
        private(set) var calls = 0

        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe self.reactor.asUnownedSerialExecutor() }

        init(_ reactor: EpollReactor) { self.reactor = reactor }

        func call() -> Bool {
            self.calls += 1
            return self.reactor.isIsolatingCurrentContext() ?? false
        }
    }

    @Test func `actors run on the reactor's thread and callbacks may enter them`() async throws {
        let reactor = try EpollReactor(name: "test")
        let resident = Resident(reactor)
        #expect(reactor.isIsolatingCurrentContext() == false)
        #expect(await resident.call())
        reactor.submit { resident.assumeIsolated { _ = $0.call() } }
        try await eventually("the callback entered") { await resident.calls == 2 }
        await reactor.shutdown()
    }

    @Test func `timers fire in order, and disarmed ones never`() async throws {
        let reactor = try EpollReactor(name: "test")
        let fired = Collected<Int>()
        let now = ContinuousClock.now
        // Armed on the reactor's thread, so that none fires before all are armed.
        reactor.submit {
            _ = reactor.arm(at: now + .milliseconds(60)) { fired.append(3) }
            let disarmed = reactor.arm(at: now + .milliseconds(40)) { fired.append(2) }
            _ = reactor.arm(at: now + .milliseconds(20)) { fired.append(1) }
            _ = reactor.arm(at: now - .seconds(1)) { fired.append(0) }
            reactor.disarm(disarmed)
        }
        try await eventually("the last one fired") { fired.elements.count == 3 }
        #expect(fired.elements == [0, 1, 3])
        #expect(ContinuousClock.now - now >= .milliseconds(60))
        await reactor.shutdown()
    }

    @Test func `a descriptor is reported until it is forgotten`() async throws {
        let reactor = try EpollReactor(name: "test")
        var ends: [Int32] = [0, 0]
        try #require(unsafe pipe(&ends) == 0)
        let (reader, writer) = (ends[0], ends[1])
        defer {
            close(reader)
            close(writer)
        }
        let seen = Counter()
        let token = try reactor.watch(reader, .readable) { events in
            guard events.contains(.readable) else { return }
            var byte: UInt8 = 0
            _ = unsafe read(reader, &byte, 1)
            seen.increment()
        }
        for _ in 0..<3 {
            let before = seen.value
            var byte: UInt8 = 1
            _ = unsafe write(writer, &byte, 1)
            try await eventually("the byte was read") { seen.value == before + 1 }
        }
        reactor.unwatch(token)
        #expect(throws: PostgresError.self) { try reactor.watch(-1, .readable) { _ in } }
        await reactor.shutdown()
    }

    @Test func `a job that comes after the end still runs`() async throws {
        let reactor = try EpollReactor(name: "test")
        let resident = Resident(reactor)
        await reactor.shutdown()
        for _ in 0..<20 { #expect(await resident.call()) }
        await reactor.shutdown()
        #expect(await resident.calls == 20)
    }

    @Test func `many tasks and threads wake one reactor without losing anything`() async throws {
        let reactor = try EpollReactor(name: "test")
        let resident = Resident(reactor)
        await withDiscardingTaskGroup { group in
            for _ in 0..<16 {
                group.addTask { for _ in 0..<500 { _ = await resident.call() } }
            }
        }
        #expect(await resident.calls == 8_000)
        await reactor.shutdown()
    }
}
