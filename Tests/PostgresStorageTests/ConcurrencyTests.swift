// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import PostgresStorage

/// What happened, in order.
private final class Journal: Sendable {
    private let lines = Mutex<[String]>([])

    var entries: [String] { self.lines.withLock { $0 } }

    func append(_ entry: String) {
        self.lines.withLock { $0.append(entry) }
    }
}

struct ConcurrencyTests {
    @Test func `a locked machine is skipped by who does not want to wait`() async throws {
        try await TestStore.with { test async throws in
            let machine = try await test.addMachines(0..<2)[0]
            try await test.store.transaction { store in
                #expect(try await store.lockMachineSkippingLocked(machine.id) == machine)
                let others = try await test.store.transaction { store in
                    [try await store.lockMachineSkippingLocked(machine.id), try await store.lockMachineSkippingLocked(.sample(1))]
                }
                #expect(others.map { $0?.id } == [nil, .sample(1)])
                // Reading, and adding what refers to the machine, go on.
                _ = try await test.store.transaction { try await $0.machineToken(machine.id) }
                #expect(try await test.store.read { try await $0.machine(machine.id) } == machine)
            }
            #expect(try await test.store.transaction { try await $0.lockMachineSkippingLocked(machine.id) } == machine)
            #expect(try await test.store.transaction { try await $0.lockMachineSkippingLocked(.sample(9)) } == nil)
            #expect(try await test.store.transaction { try await $0.lockMachine(.sample(9)) } == nil)
        }
    }

    @Test func `who waited for a machine sees it as it was left, in its new zone too`() async throws {
        try await TestStore.with { test async throws in
            let machine = try await test.addMachines(0..<1)[0]
            try await test.store.transaction { try await $0.insert(Zone(id: 0, name: "east", description: "")) }
            let store = test.store
            try await withThrowingTaskGroup(of: Machine?.self) { group in
                try await store.transaction { transaction in
                    var locked = try #require(try await transaction.lockMachine(machine.id))
                    group.addTask { try await store.transaction { try await $0.lockMachine(machine.id) } }
                    try await Self.waiters(test, count: 1)
                    locked.zone = "east"
                    try await transaction.update(locked)
                }
                let seen = try #require(try await group.next())
                #expect(seen?.zone == "east")
                #expect(seen?.version == 2)
            }
        }
    }

    @Test func `allocations go one at a time`() async throws {
        try await TestStore.with { test async throws in
            let store = test.store
            let order = Journal()
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await store.transaction { transaction in
                    try await transaction.lockAllocation()
                    group.addTask {
                        try await store.transaction { try await $0.lockAllocation() }
                        order.append("second")
                    }
                    try await Self.waiters(test, count: 1)
                    order.append("first")
                }
                try await group.waitForAll()
            }
            #expect(order.entries == ["first", "second"])
        }
    }

    @Test func `a deadlock is resolved by running a transaction again`() async throws {
        try await TestStore.with { test async throws in
            let machines = try await test.addMachines(0..<2).map(\.id)
            let store = test.store
            let locked = Journal()
            let runs = Journal()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for order in [machines, machines.reversed()] {
                    group.addTask {
                        try await store.transaction { transaction in
                            runs.append("run")
                            _ = try await transaction.lockMachine(order[0])
                            locked.append("locked")
                            try await eventually("both hold one machine") { locked.entries.count >= 2 }
                            _ = try await transaction.lockMachine(order[1])
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(runs.entries.count > 2)
        }
    }

    @Test func `a lease authority's snapshot is one transaction's at a time, from the first one on`() async throws {
        try await TestStore.with { test async throws in
            let store = test.store
            try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
                try await store.transaction { transaction in
                    #expect(try await transaction.authoritySnapshot(vlanID: 1) == nil)
                    group.addTask { try await store.transaction { try await $0.authoritySnapshot(vlanID: 1) } }
                    try await Self.waiters(test, count: 1)
                    try await transaction.setAuthoritySnapshot([1, 2, 0, 255], vlanID: 1)
                }
                #expect(try await group.next() == [1, 2, 0, 255])
            }
            await #expect(throws: StoreError.notFound("")) {
                try await store.transaction { try await $0.authoritySnapshot(vlanID: 99) }
            }
        }
    }

    /// Waits until so many transactions of this database wait for a lock.
    private static func waiters(_ test: TestStore, count: Int) async throws {
        try await eventually("\(count) transactions wait for a lock") {
            try await test.pool.query(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).count == count
        }
    }
}
