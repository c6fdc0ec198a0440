// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import JSON
import Synchronization
import TestSupport
import Testing

/// What clients see of a database that goes away under load.
@Suite struct DatabaseOutageTests {
    /// - Parameter isCrash: whether the server is killed, instead of ended in order.
    @Test(arguments: [false, true])
    func `what was acknowledged is there after the database was restarted, and the rest was refused in time`(isCrash: Bool) async throws {
        let postgres = try await TestPostgres.start()
        try await TestRegion.run(postgres: postgres) { region in
            let outcomes = Outcomes()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in 0..<8 { group.addTask { try await outcomes.write("client-\(client)", region) } }
                try await eventually("writes go on") { outcomes.acknowledged.count >= 50 }
                if isCrash { try await postgres.crash() } else { try await postgres.stop() }
                try await eventually("writes are refused") { !outcomes.refused.isEmpty }
                let before = outcomes.acknowledged.count
                try await postgres.start()
                try await eventually("writes go on by themselves") { outcomes.acknowledged.count >= before + 50 }
                outcomes.end()
                try await group.waitForAll()
            }
            let kept = Set(try await region.json("GET", "tags/").arrayValue?.compactMap { $0["name"]?.stringValue } ?? [])
            let lost = outcomes.acknowledged.subtracting(kept)
            #expect(lost.isEmpty, "\(lost.count) of \(outcomes.acknowledged.count) were acknowledged and are lost")
            #expect(outcomes.refused.allSatisfy { $0 == 503 }, "\(outcomes.refused)")
        }
    }

    /// What clients were told.
    private final class Outcomes: Sendable {
        private struct State {
            var acknowledged: Set<String> = []
            var refused: Set<Int> = []
            var isOver = false
        }
        private let state = Mutex(State())

        var acknowledged: Set<String> { self.state.withLock { $0.acknowledged } }
        var refused: Set<Int> { self.state.withLock { $0.refused } }
        func end() { self.state.withLock { $0.isOver = true } }

        /// Makes tags until the end.
        func write(_ name: String, _ region: TestRegion) async throws {
            var number = 0
            while !self.state.withLock({ $0.isOver }) {
                number += 1
                let tag = "\(name)-\(number)"
                let answer = try await region.api("POST", "tags/", [("name", tag)])
                self.state.withLock { state in
                    if answer.status == 200 { state.acknowledged.insert(tag) } else { state.refused.insert(answer.status) }
                }
            }
        }
    }
}
