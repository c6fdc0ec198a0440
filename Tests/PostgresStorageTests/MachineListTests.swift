// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Postgres
import Synchronization
import Testing

@testable import PostgresStorage

/// Passes statements on, and counts them.
private final class CountingExecutor: PostgresExecutor {
    private let base: any PostgresExecutor
    private let counter = Mutex(0)

    init(_ base: any PostgresExecutor) {
        self.base = base
    }

    var count: Int { self.counter.withLock { $0 } }

    func query(_ query: PostgresQuery) async throws -> [PostgresRow] {
        self.counter.withLock { $0 += 1 }
        return try await self.base.query(query)
    }

    func execute(_ query: PostgresQuery) async throws -> Int {
        self.counter.withLock { $0 += 1 }
        return try await self.base.execute(query)
    }
}

struct MachineListTests {
    @Test func `a list takes the same number of statements for 1 and for 1000 machines`() async throws {
        try await TestStore.with { test async throws in
            try await test.addMachines(0..<1)
            let one = try await Self.listing(test)
            try await test.addMachines(1..<1000)
            let thousand = try await Self.listing(test)
            #expect(one.count == 1)
            #expect(thousand.count == 1000)
            #expect(thousand.statements == one.statements)
            #expect(thousand.statements == 5)
        }
    }

    private static func listing(_ test: TestStore) async throws -> (count: Int, statements: Int) {
        try await test.pool.transaction { transaction in
            let executor = CountingExecutor(transaction)
            let machines = try await StoreTransaction(executor: executor, secrets: test.secrets).machines()
            #expect(machines.allSatisfy { $0.interfaces.count == 1 && $0.blockDevices.count == 1 })
            return (machines.count, executor.count)
        }
    }

    @Test func `every filter narrows the list, and unknown values give none`() async throws {
        try await TestStore.with { test async throws in
            try await Self.addVariety(test)
            func numbers(_ change: (inout MachineFilter) -> Void) async throws -> [String] {
                var filter = MachineFilter()
                change(&filter)
                return try await test.store.read { [filter] in try await $0.machines(matching: filter).map(\.hostname) }
            }
            #expect(try await numbers { _ in }.count == 6)
            #expect(try await numbers { $0.ids = [.sample(4), .sample(1), .sample(99)] } == ["node-1", "node-4"])
            #expect(try await numbers { $0.hostnames = ["NODE-3", "x"] } == ["node-3"])
            #expect(try await numbers { $0.macAddresses = [.sample(2), .sample(77)] } == ["node-2"])
            #expect(try await numbers { $0.zones = ["east"] } == ["node-1"])
            #expect(try await numbers { $0.pools = ["gold", "none"] } == ["node-2"])
            #expect(try await numbers { $0.statuses = [.ready, .broken] } == ["node-3"])
            #expect(try await numbers { $0.tags = ["red"] } == ["node-4", "node-5"])
            #expect(try await numbers { $0.tags = ["red", "blue"] } == ["node-5"])
            #expect(try await numbers { $0.tags = ["red", "none"] } == [])
            #expect(try await numbers { $0.agentNames = ["juju"] } == ["node-2"])
            #expect(try await numbers { $0.owners = ["alice"] } == ["node-1"])
            #expect(try await numbers { $0.zones = [] } == [])
            #expect(try await numbers { $0.tags = [] } == [])
            #expect(
                try await numbers { filter in
                    filter.after = .sample(1)
                    filter.limit = 2
                } == ["node-2", "node-3"])
        }
    }

    private static func addVariety(_ test: TestStore) async throws {
        let machines = try await test.addMachines(0..<6)
        try await test.store.transaction { store in
            try await store.insert(User.sample("alice"), passwordHash: nil)
            try await store.insert(Zone(id: 0, name: "east", description: ""))
            try await store.insert(ResourcePool(id: 0, name: "gold", description: ""))
            for tag in ["red", "blue"] { try await store.insert(Tag(name: tag, comment: "", definition: "", kernelOptions: "")) }
            for var machine in machines {
                switch machine.hostname {
                case "node-1": (machine.zone, machine.owner) = ("east", "alice")
                case "node-2": (machine.pool, machine.agentName) = ("gold", "juju")
                case "node-3": machine.status = .ready
                case "node-4": machine.tags = ["red"]
                case "node-5": machine.tags = ["red", "blue"]
                default: continue
                }
                try await store.update(machine)
            }
        }
    }

    @Test func `machines with operations are found`() async throws {
        try await TestStore.with { test async throws in
            var machine = try await test.addMachines(0..<3)[1]
            machine.operation = MachineOperation(
                generation: 1, kind: .power, phase: .power, powerAction: .on, bootDevice: nil, startedAt: .sample(0), deadline: .sample(9),
                options: [:]
            )
            try await test.store.transaction { [machine] in try await $0.update(machine) }
            #expect(try await test.store.read { try await $0.machinesWithOperations() } == [machine.id])
        }
    }
}
