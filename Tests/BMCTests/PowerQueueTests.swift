// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import BMC

struct PowerQueueTests {
    @Test func `turns on one BMC come in order of arrival and other BMCs do not wait`() {
        var turns = PowerTurns(limit: 2)
        let entered = [turns.enter("a"), turns.enter("b"), turns.enter("a"), turns.enter("a"), turns.enter("a")]
        #expect(entered == [.go, .go, .wait(ticket: 1), .wait(ticket: 2), .full])
        let next = turns.leave("a")
        #expect(next == 1)
        let later = turns.enter("a")
        #expect(later == .wait(ticket: 3))
        let givenUp = [turns.giveUp(2, "a"), turns.giveUp(2, "a"), turns.giveUp(1, "a")]
        #expect(givenUp == [true, false, false])
        let left = [turns.leave("a"), turns.leave("a"), turns.leave("b")]
        #expect(left == [3, nil, nil])
        #expect(turns.isEmpty)
    }

    @Test func `the oldest result is forgotten first`() {
        var results = RememberedResults(limit: 2)
        func result(_ text: String) -> PowerResult { PowerResult(outcome: .succeeded, state: .on, message: text) }
        results.remember(result("1"), id: "one")
        results.remember(result("2"), id: "two")
        results.remember(result("3"), id: "three")
        #expect(results["one"] == nil)
        #expect(results["two"] == result("2"))
        for number in 0..<1000 { results.remember(result(""), id: "\(number)") }
        #expect(results.count == 2)
        #expect(results["999"] != nil && results["998"] != nil)
    }

    @Test func `a pool runs as many calls at once as it has threads`() async throws {
        let pool = BMCThreadPool(threads: 3, queueLimit: 100)
        let barrier = Barrier()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<12 {
                group.addTask {
                    try await pool.run { () throws(BMCError) in
                        barrier.waitForThree()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(barrier.most == 3)
    }

    @Test func `a full pool says busy`() async throws {
        let pool = BMCThreadPool(threads: 1, queueLimit: 1)
        let gate = Gate()
        let outcomes = await withTaskGroup(of: PowerOutcome.self) { group in
            for _ in 0..<5 {
                group.addTask {
                    do throws(BMCError) {
                        try await pool.run { () throws(BMCError) in gate.wait() }
                        return .succeeded
                    } catch {
                        return error.outcome
                    }
                }
            }
            var outcomes: [PowerOutcome] = []
            for await outcome in group {
                outcomes.append(outcome)
                if outcomes.count == 3 { gate.open() }
            }
            return outcomes
        }
        #expect(outcomes == [.busy, .busy, .busy, .succeeded, .succeeded])
    }
}
