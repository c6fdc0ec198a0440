// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import Rack

/// What waits to be told to the region.
@Suite struct PendingObservationsTests {
    private func seen(_ number: Int) -> PendingObservations.Seen {
        .dhcp(
            DHCPObservation(
                kind: .discover, macAddress: MACAddress(rawValue: UInt64(number)), address: nil, architecture: nil, isIPXE: false, vendor: .none,
                transactionID: 0, milliseconds: 0, reason: nil
            )
        )
    }

    private func numbers(_ pending: PendingObservations, _ count: Int) -> [Int] {
        pending.prefix(count).map { if case .dhcp(let observation) = $0 { Int(observation.macAddress.rawValue) } else { -1 } }
    }

    @Test func `observations are taken in their order`() {
        var pending = PendingObservations()
        for number in 0..<1_000 { pending.append(self.seen(number)) }
        var taken: [Int] = []
        while pending.count > 0 {
            let batch = self.numbers(pending, 64)
            taken += batch
            pending.removeFirst(batch.count)
        }
        #expect(taken == Array(0..<1_000))
        #expect(pending.lost == 0)
        pending.removeFirst(3)
        #expect(pending.count == 0)
    }

    @Test func `the oldest are dropped and counted when nobody takes them`() {
        var pending = PendingObservations()
        for number in 0..<(PendingObservations.maximum + 70_000) { pending.append(self.seen(number)) }
        #expect(pending.count == PendingObservations.maximum)
        #expect(pending.lost == 70_000)
        #expect(self.numbers(pending, 2) == [70_000, 70_001])
    }
}
