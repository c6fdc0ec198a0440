// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

/// Tokens: who gets how many, and making sure that they arrive.
extension LeaseAuthority {
    /// An equal share of the pool for every rack of the ensemble.
    var share: Int {
        let racks = max(1, self.ensemble.count)
        return (self.poolSize + racks - 1) / racks
    }

    /// Gives a rack what it wants, as far as its share goes, and begins to recycle when there is not enough.
    mutating func satisfy(_ rackIndex: Int, now: Instant, outcome: inout LeaseAuthorityOutcome) {
        let rack = self.racks[rackIndex]
        guard rack.wanted > 0, self.ensemble.contains(rack.rack), rack.grantEnd > now else { return }
        let underway = self.addresses.filter {
            $0.state == .minted && !$0.isDelivered && $0.rack == rack.rack && $0.journal == rack.journal
        }.count
        let wanted = min(rack.wanted, max(0, self.share - rack.held)) - underway
        guard wanted > 0 else { return }
        var tokens: [Token] = []
        for address in self.takeVacant(wanted) {
            guard let index = self.index(of: address) else { continue }
            self.addresses[index].state = .minted
            self.addresses[index].rack = rack.rack
            self.addresses[index].journal = rack.journal
            self.addresses[index].isDelivered = false
            self.addresses[index].sent = now
            self.addresses[index].leaseEnd = nil
            tokens.append(Token(address: address, generation: self.addresses[index].generation))
        }
        if !tokens.isEmpty {
            outcome.mustSave = true
            self.racks[rackIndex].wanted -= tokens.count
            self.racks[rackIndex].held += tokens.count
            self.send(tokens, to: rack, outcome: &outcome)
        }
        // A client that comes back finds its old address as long as nobody else needs one: only a rack that runs low is worth
        // the end of other generations.
        let low = 2 * self.terms.debitBlock - self.racks[rackIndex].held
        if tokens.count < wanted, low > 0 {
            self.beginRecycling(min(low, wanted - tokens.count), now: now, outcome: &outcome)
        }
    }

    func send(_ tokens: [Token], to rack: RackEntry, outcome: inout LeaseAuthorityOutcome) {
        var start = 0
        while start < tokens.count {
            let end = min(start + 512, tokens.count)
            let grant = TokenGrant(
                segmentID: self.segmentID, rack: rack.rack, journal: rack.journal, tokens: Array(tokens[start..<end])
            )
            outcome.effects.append(.send(.tokens(grant), to: rack.rack))
            start = end
        }
    }

    /// Up to `count` addresses that nobody has: first those never used, then those whose use lies furthest back.
    private mutating func takeVacant(_ count: Int) -> [IPv4Address] {
        let vacant = self.addresses.filter { $0.state == .vacant && self.isInPool($0.address) }
        var taken: [IPv4Address] = []
        for range in self.ranges.sorted(by: { $0.first < $1.first }) {
            var number = max(range.first.rawValue, self.freshStart)
            while taken.count < count, number <= range.last.rawValue, self.addresses.count < self.terms.maximumAddresses {
                let address = IPv4Address(rawValue: number)
                let index = self.insertionIndex(of: address)
                if index == self.addresses.count || self.addresses[index].address != address {
                    self.addresses.insert(self.newEntry(address), at: index)
                    if self.addresses[index].state == .vacant { taken.append(address) }
                }
                guard number < .max else { break }
                number += 1
                self.freshStart = number
            }
        }
        guard taken.count < count else { return taken }
        let oldest = vacant.sorted { ($0.leaseEnd ?? .distantPast, $0.address) < ($1.leaseEnd ?? .distantPast, $1.address) }
        return taken + oldest.prefix(count - taken.count).map(\.address)
    }

    mutating func noteReceipt(_ receipt: TokenReceipt, outcome: inout LeaseAuthorityOutcome) {
        for token in receipt.tokens {
            guard let index = self.index(of: token.address), self.addresses[index].generation == token.generation,
                self.addresses[index].state == .minted, self.addresses[index].rack == receipt.rack,
                self.addresses[index].journal == receipt.journal, !self.addresses[index].isDelivered
            else { continue }
            self.addresses[index].isDelivered = true
            outcome.mustSave = true
        }
    }

    /// Sends again what has no receipt. Only to the journal that it was meant for: another one may not know that it was spent.
    mutating func resendTokens(now: Instant, outcome: inout LeaseAuthorityOutcome) {
        for rack in self.racks {
            var tokens: [Token] = []
            for index in self.addresses.indices {
                let entry = self.addresses[index]
                guard entry.state == .minted, !entry.isDelivered, entry.recycling == nil, entry.rack == rack.rack,
                    entry.journal == rack.journal, entry.sent.advanced(bySeconds: Self.resendSeconds) <= now
                else { continue }
                self.addresses[index].sent = now
                tokens.append(Token(address: entry.address, generation: entry.generation))
            }
            self.send(tokens, to: rack, outcome: &outcome)
        }
    }

    /// Remembers when leases end. Renewals alone are not worth a write: a late hint costs a refused attempt to recycle.
    mutating func note(_ report: LeaseReport, now: Instant, outcome: inout LeaseAuthorityOutcome) {
        for reported in report.entries {
            guard let index = self.index(of: reported.address), self.addresses[index].generation == reported.generation else { continue }
            let end = now.advanced(bySeconds: max(0, min(reported.remainingSeconds, 10_000_000)))
            if self.addresses[index].leaseEnd == nil { outcome.mustSave = true }
            self.addresses[index].leaseEnd = reported.state == .bound ? max(self.addresses[index].leaseEnd ?? end, end) : end
        }
    }
}
