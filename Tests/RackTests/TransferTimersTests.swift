// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Rack

@Suite struct TransferTimersTests {
    @Test func `slots come up in the order of their times, and each once`() {
        var timers = TransferTimers(slots: 5)
        for (slot, time) in [(3, 30), (0, 10), (4, 40), (1, 20)] { timers.schedule(slot, at: .seconds(time)) }
        timers.schedule(4, at: .seconds(5))
        // Later than what is known: it comes up at the earlier time all the same.
        timers.schedule(0, at: .seconds(99))
        #expect(timers.earliest == .seconds(5))
        #expect(timers.takeDue(by: .seconds(4)) == nil)
        var order: [Int] = []
        while let slot = timers.takeDue(by: .seconds(25)) { order.append(slot) }
        #expect(order == [4, 0, 1] && timers.earliest == .seconds(30))
    }

    @Test func `no order of scheduling and taking loses a slot`() {
        var timers = TransferTimers(slots: 64)
        var model: [Int: Duration] = [:]
        var state: UInt64 = 1
        for round in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let (slot, time) = (Int(state >> 58), Duration.milliseconds(Int64(state >> 40 & 1023)))
            if round % 3 > 0 {
                timers.schedule(slot, at: time)
                model[slot] = min(model[slot] ?? time, time)
            } else if let taken = timers.takeDue(by: time) {
                #expect(model[taken] == model.values.min())
                model[taken] = nil
            } else {
                #expect(model.values.allSatisfy { $0 > time })
            }
        }
    }
}
