// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

/// The end of generations (rule R4), and what the operator wants of addresses.
extension LeaseAuthority {
    mutating func elapse(now: Instant, outcome: inout LeaseAuthorityOutcome) {
        self.resendTokens(now: now, outcome: &outcome)
        self.proceed(now: now, outcome: &outcome)
        for index in self.racks.indices where self.racks[index].wanted > 0 {
            self.satisfy(index, now: now, outcome: &outcome)
        }
        // A rack that has left and can no longer act need not be remembered; should it come back, it is purged first (rule R7).
        let remembered = self.racks.filter { self.ensemble.contains($0.rack) || !self.isPowerless($0, now: now) }
        if self.racks.count != remembered.count { outcome.mustSave = true }
        self.racks = remembered
    }

    /// The rack's grant ended, and so did every lease that it gave before.
    private func isPowerless(_ rack: RackEntry, now: Instant) -> Bool {
        if self.mutations.contains(.presumesDead) { return true }
        return now > rack.grantEnd.advanced(byNanoseconds: self.terms.lengthened(self.terms.maximumLeaseSeconds))
    }

    // MARK: What to recycle

    /// Begins to end generations whose address somebody else could use.
    mutating func beginRecycling(_ wanted: Int, now: Instant, outcome: inout LeaseAuthorityOutcome) {
        let underway = self.addresses.filter { $0.recycling != nil }.count
        let room = min(wanted - underway, Self.recyclingAtOnce - underway)
        guard room > 0 else { return }
        var surplus: [SystemID: Int] = [:]
        for rack in self.racks { surplus[rack.rack] = rack.held - self.share }
        let candidates = self.addresses.indices.filter { index in
            let entry = self.addresses[index]
            guard entry.state == .minted, entry.recycling == nil,
                entry.attempted.advanced(bySeconds: Self.abandonSeconds) <= now || entry.attempted == .distantPast
            else { return false }
            if let end = entry.leaseEnd { return end <= now }
            // Unspent, as far as is known: only when its rack has no use for it.
            guard let rack = entry.rack, let owner = self.racks.first(where: { $0.rack == rack }),
                owner.journal == entry.journal, !self.isPowerless(owner, now: now)
            else { return true }
            guard entry.isDelivered, let left = surplus[rack], left > 0 else { return false }
            surplus[rack] = left - 1
            return true
        }
        let order = candidates.sorted { left, right in
            let one = self.addresses[left], other = self.addresses[right]
            return (one.attempted, one.leaseEnd ?? .distantPast, one.address) < (other.attempted, other.leaseEnd ?? .distantPast, other.address)
        }
        for index in order.prefix(room) {
            self.beginRecycling(index, isForced: false, now: now)
            outcome.mustSave = true
        }
        self.proceed(now: now, outcome: &outcome)
    }

    mutating func beginRecycling(_ index: Int, isForced: Bool, now: Instant) {
        if self.addresses[index].recycling != nil {
            if isForced { self.addresses[index].recycling?.isForced = true }
            return
        }
        self.addresses[index].attempted = now
        self.addresses[index].recycling = Recycling(began: now, isForced: isForced)
    }

    // MARK: How it goes on

    /// Asks the racks that have not acknowledged, ends what can be ended, gives up what leads nowhere.
    private mutating func proceed(now: Instant, outcome: inout LeaseAuthorityOutcome) {
        self.finishRecycling(now: now, outcome: &outcome)
        var requests: [SystemID: [Token]] = [:]
        for index in self.addresses.indices {
            guard let recycling = self.addresses[index].recycling else { continue }
            if !recycling.isForced, recycling.began.advanced(bySeconds: Self.abandonSeconds) <= now {
                self.addresses[index].recycling = nil
                outcome.mustSave = true
                continue
            }
            guard recycling.sent == .distantPast || recycling.sent.advanced(bySeconds: Self.resendSeconds * 6) <= now else { continue }
            self.addresses[index].recycling?.sent = now
            let token = Token(address: self.addresses[index].address, generation: self.lastToEnd(index))
            for rack in self.racks where !recycling.acknowledged.contains(rack.rack) {
                requests[rack.rack, default: []].append(token)
            }
        }
        for (rack, tokens) in requests.sorted(by: { $0.key < $1.key }) {
            outcome.effects.append(.send(.recycle(RecycleRequest(segmentID: self.segmentID, tokens: tokens)), to: rack))
        }
    }

    mutating func note(_ acknowledgement: RecycleAcknowledgement, now: Instant, outcome: inout LeaseAuthorityOutcome) {
        guard self.racks.contains(where: { $0.rack == acknowledgement.rack && $0.journal == acknowledgement.journal }) else { return }
        for token in acknowledgement.tokens {
            guard let index = self.index(of: token.address), self.lastToEnd(index) == token.generation,
                let recycling = self.addresses[index].recycling, !recycling.acknowledged.contains(acknowledgement.rack)
            else { continue }
            self.addresses[index].recycling?.acknowledged.append(acknowledgement.rack)
            outcome.mustSave = true
        }
        self.finishRecycling(now: now, outcome: &outcome)
        for index in self.racks.indices where self.racks[index].wanted > 0 {
            self.satisfy(index, now: now, outcome: &outcome)
        }
    }

    /// Rule R4: the next generation exists when every rack that might still act on this one has said that it will not.
    private mutating func finishRecycling(now: Instant, outcome: inout LeaseAuthorityOutcome) {
        var changedReservations = false
        for index in self.addresses.indices {
            guard self.addresses[index].recycling != nil, self.lastToEnd(index) < .max - 1 else { continue }
            guard self.racks.allSatisfy({ self.isOver(index, at: $0, now: now) }) else { continue }
            self.version += 1
            self.addresses[index].generation = self.lastToEnd(index) + 1
            self.addresses[index].isSuspect = nil
            self.addresses[index].version = self.version
            self.addresses[index].recycling = nil
            self.addresses[index].attempted = .distantPast
            self.addresses[index].rack = nil
            self.addresses[index].journal = 0
            self.addresses[index].isDelivered = false
            self.addresses[index].leaseEnd = min(self.addresses[index].leaseEnd ?? now, now)
            self.addresses[index].client = self.wishedClient(of: self.addresses[index].address)
            self.addresses[index].state = self.addresses[index].client == nil ? .vacant : .reserved
            if self.addresses[index].state == .reserved { changedReservations = true }
            outcome.mustSave = true
        }
        if changedReservations { outcome.effects.append(.reservationsChanged(self.reservations)) }
    }

    /// Whether a rack can no longer act on the generation that is being ended.
    private func isOver(_ index: Int, at rack: RackEntry, now: Instant) -> Bool {
        let entry = self.addresses[index]
        if self.mutations.contains(.asksOnlyTheOwner), let owner = entry.rack, owner != rack.rack { return true }
        return entry.recycling?.acknowledged.contains(rack.rack) == true || self.isPowerless(rack, now: now)
    }

    private func wishedClient(of address: IPv4Address) -> MACAddress? {
        self.wishes.first { $0.address == address }?.client
    }

    // MARK: The operator's wishes

    /// Reserves what is free, and drains what is not: *release, drained, free*. An address taken out of the pool is drained too.
    mutating func changePool(
        ranges: [AddressRange], reservations: [ReservationWish], now: Instant, outcome: inout LeaseAuthorityOutcome
    ) {
        var seenClients: Set<MACAddress> = []
        var seenAddresses: Set<IPv4Address> = []
        let wishes = reservations.filter { seenClients.insert($0.client).inserted && seenAddresses.insert($0.address).inserted }
            .sorted { $0.address < $1.address }
        guard ranges != self.ranges || wishes != self.wishes else { return }
        outcome.mustSave = true
        if ranges != self.ranges { self.freshStart = 0 }
        self.ranges = ranges
        self.wishes = wishes
        let before = self.reservations
        var wished: [IPv4Address: MACAddress] = [:]
        for wish in wishes {
            wished[wish.address] = wish.client
            guard self.index(of: wish.address) == nil, self.addresses.count < self.terms.maximumAddresses else { continue }
            self.addresses.insert(self.newEntry(wish.address), at: self.insertionIndex(of: wish.address))
        }
        for index in self.addresses.indices {
            let client = wished[self.addresses[index].address]
            switch self.addresses[index].state {
            case .vacant:
                guard let client else { continue }
                self.addresses[index].state = .reserved
                self.addresses[index].client = client
            case .minted where client != nil && self.mutations.contains(.reservesUndrained):
                self.addresses[index].state = .reserved
                self.addresses[index].client = client
            case .minted:
                if client != nil || !self.isInPool(self.addresses[index].address) {
                    self.beginRecycling(index, isForced: true, now: now)
                }
            case .reserved:
                if client != self.addresses[index].client { self.beginRecycling(index, isForced: true, now: now) }
            }
        }
        if self.reservations != before { outcome.effects.append(.reservationsChanged(self.reservations)) }
        self.proceed(now: now, outcome: &outcome)
    }
}
