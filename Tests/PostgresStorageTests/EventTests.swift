// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import PostgresStorage

struct EventTests {
    private static func event(_ number: Int, machine: Int = 0, level: EventLevel = .info, source: Event.Source = .http) -> Event {
        Event(
            machineID: .sample(machine), hostname: "node-\(machine)", level: level, source: source, type: "Type",
            description: "\(number)", user: machine == 1 ? "alice" : "", occurred: .sample(Int64(number))
        )
    }

    private static func numbers(_ test: TestStore, _ change: (inout EventQuery) -> Void) async throws -> [Int] {
        var query = EventQuery()
        change(&query)
        return try await test.store.read { [query] in try await $0.events(query).compactMap { Int($0.description) } }
    }

    @Test func `pages go back and forth, newest first, without gaps`() async throws {
        try await TestStore.with { test async throws in
            try await test.store.transaction { try await $0.append((0..<250).map { Self.event($0) }) }
            let all = try await test.store.read { store async throws in
                var query = EventQuery()
                query.limit = 5000
                return try await store.events(query)
            }
            #expect(all.map(\.description) == (0..<250).reversed().map(String.init))
            #expect(zip(all, all.dropFirst()).allSatisfy { $0.id > $1.id })
            #expect(all.last?.occurred == .sample(0))
            #expect(all.allSatisfy { $0.created > .sample(0) })

            let newest = try await test.store.read { try await $0.events() }
            #expect(newest == Array(all.prefix(100)))
            let last = try #require(newest.last)
            #expect(try await Self.numbers(test) { $0.before = last.id } == Array((50..<150).reversed()))
            #expect(
                try await Self.numbers(test) { query in
                    (query.before, query.limit) = (last.id, 3)
                } == [149, 148, 147])
            // Forward: the next three after the one, still newest first.
            #expect(
                try await Self.numbers(test) { query in
                    (query.after, query.limit) = (last.id, 3)
                } == [153, 152, 151])
            #expect(
                try await Self.numbers(test) { query in
                    (query.after, query.before, query.limit) = (last.id, last.id + 3, 100)
                } == [152, 151])
            #expect(try await Self.numbers(test) { $0.limit = 0 } == [249])
            #expect(try await Self.numbers(test) { $0.after = all[0].id } == [])
        }
    }

    @Test func `an answer never holds more than a thousand`() async throws {
        try await TestStore.with { test async throws in
            try await test.store.transaction { try await $0.append((0..<1001).map { Self.event($0) }) }
            #expect(try await Self.numbers(test) { $0.limit = .max }.count == 1000)
            #expect(try await test.store.read { try await $0.eventCount() } == 1001)
        }
    }

    @Test func `every filter narrows the list`() async throws {
        try await TestStore.with { test async throws in
            var machines = try await test.addMachines(0..<3)
            machines[2].hostname = "renamed"
            (machines[1].zone, machines[1].agentName) = ("east", "juju")
            try await test.store.transaction { [machines] store in
                try await store.insert(Zone(id: 0, name: "east", description: ""))
                try await store.update(machines[1])
                try await store.update(machines[2])
                try await store.append([
                    Self.event(0), Self.event(1, machine: 1, level: .error, source: .power), Self.event(2, machine: 2, level: .debug),
                    Self.event(3, machine: 7, source: .dhcp),
                    Event(machineID: nil, level: .audit, source: .audit, type: "Log-in", description: "4", occurred: .sample(4)),
                ])
            }
            #expect(try await Self.numbers(test) { _ in } == [4, 3, 2, 1, 0])
            #expect(try await Self.numbers(test) { $0.machineIDs = [.sample(0), .sample(7)] } == [3, 0])
            #expect(try await Self.numbers(test) { $0.hostnames = ["NODE-2"] } == [2])
            #expect(try await Self.numbers(test) { $0.hostnames = ["Renamed"] } == [2])
            #expect(try await Self.numbers(test) { $0.macAddresses = [.sample(1)] } == [1])
            #expect(try await Self.numbers(test) { $0.zones = ["east"] } == [1])
            #expect(try await Self.numbers(test) { $0.agentNames = ["juju"] } == [1])
            #expect(try await Self.numbers(test) { $0.minimumLevel = .info } == [3, 1, 0])
            #expect(try await Self.numbers(test) { $0.owners = ["alice"] } == [1])
            #expect(try await Self.numbers(test) { $0.sources = [.power, .dhcp] } == [3, 1])
            #expect(try await Self.numbers(test) { $0.sources = [] } == [])
            let count = try await test.store.read { store async throws in
                var query = EventQuery()
                query.minimumLevel = .info
                query.limit = 1
                return try await store.eventCount(query)
            }
            #expect(count == 3)
        }
    }

    @Test func `whatever a machine sends, its events are recorded`() async throws {
        try await TestStore.with { test async throws in
            var event = Self.event(0)
            event.description = "a\u{0}b" + String(repeating: "é", count: 100_000)
            event.type = String(repeating: "t", count: 1000)
            event.hostname = "\"\\'; DROP TABLE event; --\u{1F680}"
            event.occurred = Timestamp(microseconds: .max)
            try await test.store.transaction { [event] in try await $0.append([event]) }
            let read = try #require(try await test.store.read { try await $0.events() }.first)
            #expect(read.description.unicodeScalars.count == 4096)
            #expect(read.description.hasPrefix("abé"))
            #expect(read.type.count == 255)
            #expect(read.hostname == event.hostname)
            #expect(read.occurred > .sample(0))
        }
    }

    @Test func `old events are deleted, a bounded number at a time`() async throws {
        try await TestStore.with { test async throws in
            try await test.store.transaction { try await $0.append((0..<10).map { Self.event($0) }) }
            let future = Timestamp(microseconds: 4_000_000_000_000_000)
            #expect(try await test.store.transaction { try await $0.pruneEvents(before: .sample(0)) } == 0)
            #expect(try await test.store.transaction { try await $0.pruneEvents(before: future, limit: 8) } == 8)
            #expect(try await Self.numbers(test) { _ in } == [9, 8])
        }
    }
}
