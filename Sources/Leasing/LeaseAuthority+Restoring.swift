// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

/// A database that was put back to an earlier state (rule R11; see `docs/decisions/0004-lost-generations.md`).
extension LeaseAuthority {
    /// The first generation of a timeline is this many times its number: no address sees so many generations on one timeline, as each takes
    /// a write and a round of messages. An earlier state may be one from before several promotions, so what was lost on the
    /// way cannot be counted from what it knows.
    static let generationsPerTimeline: UInt32 = 65_536

    /// Every address may be anybody's: nothing is minted or reserved again before every rack has ended all generations of it that may
    /// have been lost.
    mutating func doubtEverything(timeline: UInt32, now: Instant, outcome: inout LeaseAuthorityOutcome) {
        guard timeline > self.timeline ?? 1, !self.mutations.contains(.trustsRestoredDatabase) else { return }
        outcome.mustSave = true
        self.timeline = timeline
        // Above any version that was lost, or a rack that knows one of those would miss what comes next.
        self.version = max(self.version, UInt64(timeline) << 32)
        for rack in self.ensemble where !self.racks.contains(where: { $0.rack == rack }) {
            self.racks.append(RackEntry(rack: rack, journal: 0, grantEnd: now))
        }
        for index in self.racks.indices {
            self.racks[index].grantEnd = max(self.racks[index].grantEnd, self.longestGrantEnd(now))
        }
        self.knowWholePool()
        let before = self.reservations
        for index in self.addresses.indices {
            self.addresses[index].isSuspect = true
            // Acknowledgements of the known generation say nothing about the lost ones.
            if let recycling = self.addresses[index].recycling {
                self.addresses[index].recycling = Recycling(began: now, isForced: recycling.isForced)
            }
            switch self.addresses[index].state {
            case .vacant:
                self.addresses[index].state = .minted
                self.addresses[index].rack = nil
            case .reserved: self.beginRecycling(index, isForced: true, now: now)
            case .minted: break
            }
        }
        if self.reservations != before { outcome.effects.append(.reservationsChanged(self.reservations)) }
    }

    /// Makes an entry of every address that may have been given out, so that racks can be told about it.
    private mutating func knowWholePool() {
        for range in self.ranges where range.count > 0 {
            for number in range.first.rawValue...range.last.rawValue where self.addresses.count < self.terms.maximumAddresses {
                let address = IPv4Address(rawValue: number)
                guard self.index(of: address) == nil else { continue }
                self.addresses.insert(self.newEntry(address), at: self.insertionIndex(of: address))
            }
        }
    }

    /// An address that this database has not heard of.
    func newEntry(_ address: IPv4Address) -> AddressEntry {
        var entry = AddressEntry(address: address)
        if self.timeline != nil {
            entry.isSuspect = true
            entry.state = .minted
        }
        return entry
    }

    /// The last of the generations of an address that recycling ends.
    func lastToEnd(_ index: Int) -> UInt32 {
        let entry = self.addresses[index]
        guard entry.isSuspect == true, !self.mutations.contains(.endsOnlyKnownGenerations) else { return entry.generation }
        let (first, overflow) = (self.timeline ?? 0).multipliedReportingOverflow(by: Self.generationsPerTimeline)
        return overflow ? .max : max(entry.generation, first - 1)
    }

    /// What a rack purges (rule R7). Generations may have ended without a rack whose grant had ended, and the database have lost it:
    /// such a rack gives up every address in doubt.
    func generations(since: UInt64, isContinuing: Bool) -> [Token] {
        self.addresses.indices.compactMap { index in
            let entry = self.addresses[index]
            if entry.isSuspect == true, !isContinuing, !self.mutations.contains(.sparesLapsedRacks) {
                return Token(address: entry.address, generation: self.lastToEnd(index))
            }
            return entry.version > since ? Token(address: entry.address, generation: entry.generation) : nil
        }
    }
}
