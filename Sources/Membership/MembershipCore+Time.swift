// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Leasing

extension MembershipCore {
    mutating func elapse(to now: Instant, _ effects: inout [MembershipEffect]) {
        self.clock.advance(to: now)
        guard self.records[self.member]?.status == .alive else { return }
        self.beat(&effects)
        self.accuse(&effects)
        guard self.listened >= self.nextSynchronization, !self.neighbours.isEmpty else { return }
        self.nextSynchronization = self.listened.advanced(byNanoseconds: Timing.synchronization)
        self.nextPartner = (self.nextPartner + 1) % self.neighbours.count
        effects.append(.send(self.digestMessage, to: self.neighbours[self.nextPartner]))
    }

    private mutating func beat(_ effects: inout [MembershipEffect]) {
        for neighbour in self.neighbours {
            guard var edge = self.edges[neighbour], self.listened >= edge.nextHeartbeat else { continue }
            edge.sequence += 1
            // From the moment that was due, not from now, or the ticks' coarseness would add up.
            edge.nextHeartbeat = edge.nextHeartbeat.advanced(byNanoseconds: edge.detector.interval)
            if edge.nextHeartbeat <= self.listened { edge.nextHeartbeat = self.listened.advanced(byNanoseconds: edge.detector.interval) }
            self.edges[neighbour] = edge
            effects.append(.send(.heartbeat(sequence: edge.sequence, echo: edge.heard), to: neighbour))
        }
    }

    /// Makes the charges of the own record those that the edges give.
    mutating func accuse(_ effects: inout [MembershipEffect]) {
        guard let own = self.records[self.member], own.status == .alive else { return }
        var charges: [MemberRecord.Charge] = []
        for neighbour in self.neighbours {
            guard let edge = self.edges[neighbour], edge.isSubject, let record = self.records[neighbour], record.status == .alive,
                edge.detector.isFaulty(listened: self.listened, needsEcho: !self.mutations.contains(.ignoresDeafness))
            else { continue }
            charges.append(.init(subject: neighbour, incarnation: record.incarnation))
        }
        if self.mutations.contains(.neverWithdraws) { charges = own.charges + charges.filter { !own.charges.contains($0) } }
        guard charges != own.charges else { return }
        if !Set(charges).isSubset(of: own.charges) { self.lastAccusation = self.listened }
        self.renew(&effects) { $0.charges = charges }
    }
}
