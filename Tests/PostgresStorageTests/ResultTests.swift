// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import PostgresStorage

struct ResultTests {
    @Test func `a set holds its scripts in order, and their results`() async throws {
        try await TestStore.with { test async throws in
            let machine = try await test.addMachines(0..<1)[0]
            let names = ["20-second", "10-first", "30-third"]
            let set = try await test.store.transaction {
                try await $0.createResultSet(machine: machine.id, kind: .commissioning, scripts: names)
            }
            #expect(set.results.map(\.name) == names)
            #expect(set.status == .pending)
            #expect(try await test.store.read { try await $0.resultSet(set.id) } == set)

            var result = set.results[1]
            result.status = .failed
            result.exitStatus = -9
            result.output = [0, 255, 10]
            result.stdout = Array("out".utf8)
            result.stderr = Array("err".utf8)
            result.result = Array("status: failed".utf8)
            result.started = .sample(1)
            result.ended = .sample(2)
            try await test.store.transaction { [result] store in
                try await store.updateResult(result)
                try await store.touchResultSet(set.id, now: .sample(3))
            }
            let read = try #require(try await test.store.read { try await $0.resultSet(set.id) })
            #expect(read.results[1] == result)
            #expect(read.lastPing == .sample(3))
            let found = try #require(try await test.store.read { try await $0.result(result.id) })
            #expect(found.machineID == machine.id)
            #expect(found.resultSetID == set.id)
            #expect(found.result == result)
            let brief = try #require(try await test.store.read { try await $0.resultSet(set.id, withOutput: false) })
            #expect(brief.results[1].output == [])
            #expect(brief.results[1].exitStatus == -9)
        }
    }

    @Test func `a machine keeps ten sets of a kind, and those it refers to`() async throws {
        try await TestStore.with { test async throws in
            var machine = try await test.addMachines(0..<1)[0]
            let first = try await test.store.transaction {
                try await $0.createResultSet(machine: machine.id, kind: .testing, scripts: ["a"])
            }
            machine.testingResultID = first.id
            try await test.store.transaction { [machine] store in
                try await store.update(machine)
                for _ in 0..<15 { _ = try await store.createResultSet(machine: machine.id, kind: .testing, scripts: ["a"]) }
                _ = try await store.createResultSet(machine: machine.id, kind: .installation, scripts: ["a"])
            }
            try await test.store.read { [machine] store async throws in
                let sets = try await store.resultSets(of: machine.id, kind: .testing)
                #expect(sets.count == 11)
                #expect(sets.last?.id == first.id)
                #expect(zip(sets, sets.dropFirst()).allSatisfy { $0.id > $1.id })
                #expect(try await store.resultSets(of: machine.id).count == 12)
                let summaries = try await store.resultSummaries(of: [machine.id])
                #expect(summaries == [first.id: first.results])
            }
            try await test.store.transaction { try await $0.deleteResultSet(first.id) }
            #expect(try await test.store.read { try await $0.machine(.sample(0)) }?.testingResultID == nil)
        }
    }

    @Test func `what is not there is not found`() async throws {
        try await TestStore.with { test async throws in
            let missing = StoreError.notFound("")
            await #expect(throws: missing) {
                try await test.store.transaction { try await $0.createResultSet(machine: .sample(0), kind: .testing, scripts: []) }
            }
            await #expect(throws: missing) {
                try await test.store.transaction { try await $0.updateResult(ScriptResult(id: 5, name: "x", status: .passed)) }
            }
            await #expect(throws: missing) { try await test.store.transaction { try await $0.touchResultSet(5, now: .sample(0)) } }
            #expect(try await test.store.read { try await $0.resultSet(5) } == nil)
            #expect(try await test.store.read { try await $0.result(5) } == nil)
        }
    }
}
