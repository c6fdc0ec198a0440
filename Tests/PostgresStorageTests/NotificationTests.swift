// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import JSON
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import PostgresStorage

/// What came over a channel so far.
private final class Collector: Sendable {
    private let received = Mutex<[String]>([])

    var payloads: [String] { self.received.withLock { $0 } }

    func collect(_ stream: AsyncStream<String>) async {
        for await payload in stream { self.received.withLock { $0.append(payload) } }
    }

    func wait(for payload: String) async throws {
        try await eventually("the notice '\(payload)' comes") { self.payloads.contains(payload) }
    }
}

private struct Abandoned: Error {}

struct NotificationTests {
    @Test func `a change is told after its commit, and never without one`() async throws {
        try await Self.listening(.machine) { test, collector in
            let id = try await test.store.transaction { store in
                let machine = try await store.insert(.sample(0), power: .sample)
                try await test.pool.notify(StoreChannel.machine.rawValue, "before the commit")
                try await collector.wait(for: "before the commit")
                #expect(!collector.payloads.contains(machine.id.description))
                return machine.id
            }
            try await collector.wait(for: id.description)
            await #expect(throws: Abandoned.self) {
                try await test.store.transaction { store in
                    try await store.insert(.sample(1), power: .sample)
                    throw Abandoned()
                }
            }
            try await test.pool.notify(StoreChannel.machine.rawValue, "after the rollback")
            try await collector.wait(for: "after the rollback")
            #expect(!collector.payloads.contains(SystemID.sample(1).description))
        }
    }

    @Test func `power, zones and tags of a machine are changes of it`() async throws {
        try await Self.listening(.machine) { test, collector in
            let machines = try await test.addMachines(0..<2)
            try await collector.wait(for: machines[1].id.description)
            func isTold(_ change: (StoreTransaction) async throws -> Void) async throws {
                let mark = collector.payloads.count
                try await test.store.transaction(change)
                try await eventually("the change is told") { collector.payloads.dropFirst(mark).contains(machines[0].id.description) }
                #expect(!collector.payloads.dropFirst(mark).contains(machines[1].id.description))
            }
            try await isTold { try await $0.setPower(PowerConfiguration(type: .manual, parameters: [:]), of: machines[0].id) }
            try await isTold { store in
                try await store.insert(Tag(name: "red", comment: "", definition: "", kernelOptions: ""))
                _ = try await store.updateTag("red", adding: [machines[0].id], removing: [])
            }
            try await isTold { try await $0.deleteTag(named: "red") }
            try await isTold { store in
                var machine = try required(try await store.machine(machines[0].id))
                machine.zone = try await store.insert(Zone(id: 0, name: "east", description: "")).name
                try await store.update(machine)
            }
            try await isTold { store in
                let zone = try required(try await store.zone(named: "east"))
                try await store.update(Zone(id: zone.id, name: "west", description: ""))
            }
            try await isTold { store in try await store.deleteZone(try required(try await store.zone(named: "west")).id) }
            try await isTold { try await $0.deleteMachine(machines[0].id) }
        }
    }

    @Test func `events are told by their ids`() async throws {
        try await Self.listening(.event) { test, collector in
            try await test.store.transaction { store in
                try await store.append([Event(machineID: nil, source: .audit, type: "Log-in", description: "", occurred: .sample(0))])
            }
            let event = try #require(try await test.store.read { try await $0.events() }.first)
            try await collector.wait(for: String(event.id))
        }
    }

    @Test func `configuration is told by its table, and a heartbeat is no news`() async throws {
        try await Self.listening(.configuration) { test, collector in
            var rack = Controller(
                id: .sample(5), kind: .rack, hostname: "rack", softwareVersion: "1", interfaces: [], firstSeen: .sample(0),
                lastSeen: .sample(0), connected: true
            )
            try await test.store.transaction { [rack] in try await $0.upsert(rack) }
            try await collector.wait(for: "controller")
            rack.lastSeen = .sample(60)
            try await test.store.transaction { [rack] in try await $0.upsert(rack) }
            try await test.store.transaction { try await $0.setSetting("name", "value") }
            try await collector.wait(for: "setting")
            try await test.store.transaction { try await $0.setSetting("name", "value") }
            let subnet = try Subnet.sample("10.0.0.0/24", vlan: 1)
            try await test.store.transaction { try await $0.insert(subnet) }
            try await collector.wait(for: "subnet")
            #expect(collector.payloads.filter { !$0.isEmpty } == ["controller", "setting", "subnet"])
        }
    }

    private static func listening(
        _ channel: StoreChannel, _ body: @Sendable (TestStore, Collector) async throws -> Void
    ) async throws {
        try await TestStore.with { test async throws in
            let collector = Collector()
            let stream = test.store.changes(channel)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await collector.collect(stream) }
                try await collector.wait(for: "")
                try await body(test, collector)
                group.cancelAll()
            }
        }
    }
}
