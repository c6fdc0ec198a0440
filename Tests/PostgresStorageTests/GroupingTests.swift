// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import PostgresStorage

struct GroupingTests {
    @Test func `deleting a zone moves its machines to the default zone`() async throws {
        try await TestStore.with { test async throws in
            var machine = try await test.addMachines(0..<1)[0]
            let zone = try await test.store.transaction { try await $0.insert(Zone(id: 0, name: "east", description: "d")) }
            machine.zone = "east"
            machine = try await test.store.transaction { [machine] in try await $0.update(machine) }
            try await test.store.transaction { try await $0.deleteZone(zone.id) }
            let read = try #require(try await test.store.read { try await $0.machine(machine.id) })
            #expect(read.zone == "default")
            #expect(read.version == machine.version + 1)
            await #expect(throws: StoreError.notFound("")) { try await test.store.transaction { try await $0.deleteZone(zone.id) } }
        }
    }

    @Test func `the default zone and pool stay, with their names`() async throws {
        try await TestStore.with { test async throws in
            let refused = StoreError.refused("")
            await #expect(throws: refused) { try await test.store.transaction { try await $0.deleteZone(1) } }
            await #expect(throws: refused) { try await test.store.transaction { try await $0.deletePool(0) } }
            let name = StoreError.invalid(field: "name", message: "")
            await #expect(throws: name) { try await test.store.transaction { try await $0.update(Zone(id: 1, name: "x", description: "")) } }
            await #expect(throws: name) {
                try await test.store.transaction { try await $0.update(ResourcePool(id: 0, name: "x", description: "")) }
            }
            try await test.store.transaction { store in
                try await store.update(Zone(id: 1, name: "default", description: "described"))
                #expect(try await store.zone(id: 1)?.description == "described")
            }
        }
    }

    @Test func `a pool with machines is not deleted, and a renamed one keeps them`() async throws {
        try await TestStore.with { test async throws in
            var machine = try await test.addMachines(0..<1)[0]
            let pool = try await test.store.transaction { try await $0.insert(ResourcePool(id: 0, name: "gold", description: "")) }
            machine.pool = "gold"
            machine = try await test.store.transaction { [machine] in try await $0.update(machine) }
            await #expect(throws: StoreError.refused("")) { try await test.store.transaction { try await $0.deletePool(pool.id) } }
            try await test.store.transaction { try await $0.update(ResourcePool(id: pool.id, name: "platinum", description: "")) }
            machine = try #require(try await test.store.read { try await $0.machine(machine.id) })
            #expect(machine.pool == "platinum")
            machine.pool = "default"
            try await test.store.transaction { [machine] store in
                try await store.update(machine)
                try await store.deletePool(pool.id)
                #expect(try await store.pools().map(\.name) == ["default"])
            }
        }
    }

    @Test func `names are unique and well formed`() async throws {
        try await TestStore.with { test async throws in
            func code(_ body: @Sendable (StoreTransaction) async throws -> Void) async -> StoreError.Code? {
                await #expect(throws: StoreError.self) { try await test.store.transaction(body) }?.code
            }
            let conflict = StoreError.Code.conflict(field: "name")
            #expect(await code { try await $0.insert(Zone(id: 0, name: "default", description: "")) } == conflict)
            #expect(await code { try await $0.insert(ResourcePool(id: 0, name: "default", description: "")) } == conflict)
            #expect(await code { try await $0.insert(Fabric(id: 0, name: "fabric-0", description: "", classType: nil)) } == conflict)
            for name in ["", "a/b", "a,b", " a", String(repeating: "a", count: 257), "a\u{0}"] {
                let field = name.contains("\u{0}") ? "__all__" : "name"
                #expect(await code { try await $0.insert(Zone(id: 0, name: name, description: "")) } == .invalid(field: field))
            }
        }
    }

    @Test func `tags are given to machines and taken from them`() async throws {
        try await TestStore.with { test async throws in
            let machines = try await test.addMachines(0..<3)
            try await test.store.transaction { store in
                try await store.insert(Tag(name: "red", comment: "c", definition: "//node", kernelOptions: "console=ttyS0"))
                var change = try await store.updateTag("red", adding: machines.map(\.id) + [.sample(50)], removing: [])
                #expect(change == (3, 0))
                change = try await store.updateTag("red", adding: [machines[0].id], removing: [machines[2].id])
                #expect(change == (0, 1))
                #expect(try await store.machineIDs(taggedWith: "red") == [machines[0].id, machines[1].id])
                let versions = try await store.machines().map(\.version)
                #expect(versions == [2, 2, 3])
                try await store.update(Tag(name: "crimson", comment: "", definition: "", kernelOptions: ""), named: "red")
                #expect(try await store.machine(machines[0].id)?.tags == ["crimson"])
                #expect(try await store.tag(named: "red") == nil)
                try await store.deleteTag(named: "crimson")
                #expect(try await store.machine(machines[0].id)?.tags == [])
                #expect(try await store.tags() == [])
            }
            await #expect(throws: StoreError.notFound("")) {
                try await test.store.transaction { try await $0.updateTag("red", adding: [], removing: []) }
            }
        }
    }
}
