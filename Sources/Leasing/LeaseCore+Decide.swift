// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

/// The answers to clients (RFC 2131, section 4.3). Nothing here allocates.
extension LeaseCore {
    /// Decides about one message, and changes the state accordingly.
    public mutating func decide(_ query: LeaseQuery, now: Instant) -> LeaseDecision {
        guard self.isActive, !self.isStopped else { return .silent(.standby) }
        guard query.client.rawValue != 0 else { return .silent(.malformed) }
        if query.linkAddress.rawValue != 0, !self.segment.subnet.contains(query.linkAddress) {
            return .silent(.notOurSegment)
        }
        // What a client gives back is noted whether or not this rack may serve.
        switch query.kind {
        case .release: return self.decideRelease(query)
        case .decline: return self.decideDecline(query, now: now)
        case .discover, .request, .inform: break
        }
        guard self.isGranted(now: now) else { return .silent(.noGrant) }
        switch query.kind {
        case .discover: return self.decideDiscover(query, now: now)
        case .request: return self.decideRequest(query, now: now)
        case .inform:
            guard query.clientAddress.rawValue != 0 else { return .silent(.malformed) }
            // The answer goes to that address: somebody else's network is not to get answers that it did not ask for.
            return self.segment.subnet.contains(query.clientAddress) ? .inform : .silent(.notOurSegment)
        case .release, .decline: return .silent(.malformed)
        }
    }

    var leaseSeconds: Int {
        max(1, min(self.segment.leaseSeconds, self.terms.maximumLeaseSeconds))
    }

    private func isHost(_ address: IPv4Address) -> Bool {
        self.segment.subnet.hosts.contains(address) && address != self.segment.serviceAddress
    }

    // MARK: DISCOVER

    private mutating func decideDiscover(_ query: LeaseQuery, now: Instant) -> LeaseDecision {
        let client = query.client.rawValue
        if let index = self.reservations[client] {
            guard self.isReservationUsable(index, client: client, now: now) else { return .silent(.reservationBusy) }
            return self.offer(index)
        }
        if let index = self.table.binding(of: client), self.table[index].reservedFor == 0 {
            return self.offer(index)
        }
        guard !self.storageFailed else { return .silent(.storageFailed) }
        if let index = self.table.offer(to: client), self.table[index].reservedFor == 0 {
            return self.offer(index, to: client, now: now)
        }
        if let requested = query.requestedAddress, let index = self.table.index(of: requested),
            self.table[index].state == .ready, self.table[index].reservedFor == 0, self.isUnoffered(index, now: now)
        {
            return self.offer(index, to: client, now: now)
        }
        if let index = self.nextReady(now: now) {
            return self.offer(index, to: client, now: now)
        }
        if self.freeQueue.count > 0 { self.ranDry = true } else { self.ranOut = true }
        return .silent(.exhausted)
    }

    /// The address that was offered or used least recently.
    private mutating func nextReady(now: Instant) -> Int? {
        guard self.readyQueue.head >= 0 else { return nil }
        let index = Int(self.readyQueue.head)
        return self.isUnoffered(index, now: now) ? index : nil
    }

    private func isUnoffered(_ index: Int, now: Instant) -> Bool {
        self.table[index].client == 0 || self.table[index].expiry <= now
    }

    private func offer(_ index: Int) -> LeaseDecision {
        .offer(address: IPv4Address(rawValue: self.table[index].address), leaseSeconds: self.leaseSeconds)
    }

    /// Offers a written-off address and keeps it for the client for a while.
    private mutating func offer(_ index: Int, to client: UInt64, now: Instant) -> LeaseDecision {
        self.table.unlink(client: self.table[index].client, from: index)
        self.table[index].client = client
        self.table[index].expiry = now.advanced(bySeconds: self.terms.offerSeconds)
        self.table.link(client: client, to: index)
        self.table.remove(index, from: &self.readyQueue)
        self.table.append(index, to: &self.readyQueue)
        return self.offer(index)
    }

    // MARK: REQUEST

    private mutating func decideRequest(_ query: LeaseQuery, now: Instant) -> LeaseDecision {
        let client = query.client.rawValue
        // SELECTING names a server, INIT-REBOOT an address, RENEWING and REBINDING only fill `ciaddr` (RFC 2131, table 4).
        let isSelecting = query.serverIdentifier != nil
        if let server = query.serverIdentifier, server != self.segment.serviceAddress {
            self.forgetOffer(to: client)
            return .recorded(.choseAnotherServer)
        }
        let hasAddress = query.clientAddress.rawValue != 0
        guard let wanted = isSelecting || !hasAddress ? query.requestedAddress ?? (hasAddress ? query.clientAddress : nil) : query.clientAddress
        else { return .silent(.malformed) }
        guard self.segment.subnet.contains(wanted) else { return .refuse(.wrongNetwork) }

        if let reserved = self.reservations[client] {
            if self.table[reserved].address == wanted.rawValue {
                guard self.isReservationUsable(reserved, client: client, now: now) else {
                    return isSelecting ? .refuse(.offerGone) : .silent(.reservationBusy)
                }
                return self.bindReservation(reserved, to: client, now: now)
            }
            // A machine that runs on an older address keeps it until it starts anew: its work must not be cut off.
            guard hasAddress, !isSelecting else { return .refuse(.reservedElsewhere) }
        }
        guard let index = self.table.index(of: wanted) else {
            return self.decideUnknown(wanted, client: client, isSelecting: isSelecting, now: now)
        }
        if self.table[index].reservedFor != 0, self.table[index].reservedFor != client {
            return .refuse(.reservedForAnother)
        }
        switch self.table[index].state {
        case .bound:
            guard self.table[index].client == client else {
                if self.mutations.contains(.unsticky), self.table[index].expiry <= now { return self.bind(index, to: client, now: now) }
                return .refuse(.boundToAnother)
            }
            return self.extend(index, now: now)
        case .ready where isSelecting && self.reservations[client] == nil:
            guard self.table[index].client == client || self.isUnoffered(index, now: now) else { return .refuse(.offerGone) }
            guard !self.storageFailed else { return .silent(.storageFailed) }
            self.dequeue(index)
            return self.bind(index, to: client, now: now)
        case .vacant, .arriving, .free, .debiting, .ready, .undecided, .quarantined:
            return self.decideUnknown(wanted, client: client, isSelecting: isSelecting, now: now)
        }
    }

    /// Rule R3: never adopt. Only the client that chose our own offer is told to start again.
    private mutating func decideUnknown(
        _ address: IPv4Address, client: UInt64, isSelecting: Bool, now: Instant
    ) -> LeaseDecision {
        if isSelecting { return .refuse(.offerGone) }
        if self.mutations.contains(.adopts), self.isHost(address), let index = self.table.indexMakingSlot(of: address),
            self.table[index].state == .vacant
        {
            self.table[index].generation = self.table[index].floor
            return self.bind(index, to: client, now: now)
        }
        return .silent(.unknownBinding)
    }

    private mutating func forgetOffer(to client: UInt64) {
        guard let index = self.table.offer(to: client) else { return }
        self.table.unlink(client: client, from: index)
        self.table[index].client = 0
        self.table[index].expiry = .distantPast
    }

    private mutating func bind(_ index: Int, to client: UInt64, now: Instant) -> LeaseDecision {
        self.table.unlink(client: self.table[index].client, from: index)
        self.table[index].state = .bound
        self.table[index].client = client
        self.table[index].expiry = .distantPast
        self.table[index].isAwaitingDisk = true
        self.table.link(client: client, to: index)
        self.noteChange(index)
        return self.extend(index, now: now)
    }

    /// Rule R2. The lease counts from now here, from its request at the client: ours always ends later.
    private mutating func extend(_ index: Int, now: Instant) -> LeaseDecision {
        let seconds = self.leaseSeconds
        self.table[index].expiry = max(self.table[index].expiry, now.advanced(byNanoseconds: self.terms.lengthened(seconds)))
        self.table[index].isReleased = false
        self.table.link(client: self.table[index].client, to: index)
        self.noteChange(index, recorded: true)
        return .acknowledge(address: IPv4Address(rawValue: self.table[index].address), leaseSeconds: seconds)
    }

    // MARK: Reservations

    /// False while somebody else may still hold the reserved address.
    private func isReservationUsable(_ index: Int, client: UInt64, now: Instant) -> Bool {
        let slot = self.table[index]
        guard slot.reservedFor == client else { return false }
        if !slot.reservationIsLocal {
            guard slot.floor <= slot.reservedGeneration else { return false }
            // The authority has drained every older generation.
            guard slot.generation >= slot.reservedGeneration else { return true }
        }
        return switch slot.state {
        case .bound: slot.client == client || slot.expiry <= now
        case .undecided: self.acknowledgesAfter <= now
        case .vacant, .arriving, .free, .debiting, .ready, .quarantined: true
        }
    }

    private mutating func bindReservation(_ index: Int, to client: UInt64, now: Instant) -> LeaseDecision {
        let slot = self.table[index]
        let generation = slot.reservationIsLocal ? max(slot.floor, slot.generation) : slot.reservedGeneration
        if slot.state == .bound, slot.client == client, slot.generation == generation { return self.extend(index, now: now) }
        self.vacate(index)
        self.table[index].generation = generation
        return self.bind(index, to: client, now: now)
    }

    // MARK: RELEASE and DECLINE

    private mutating func decideRelease(_ query: LeaseQuery) -> LeaseDecision {
        if let server = query.serverIdentifier, server != self.segment.serviceAddress { return .silent(.notOurs) }
        guard let index = self.table.index(of: query.clientAddress), self.table[index].state == .bound,
            self.table[index].client == query.client.rawValue
        else { return .silent(.notOurs) }
        self.table[index].isReleased = true
        self.noteChange(index, recorded: true, replicated: true)
        return .recorded(.released)
    }

    private mutating func decideDecline(_ query: LeaseQuery, now: Instant) -> LeaseDecision {
        if let server = query.serverIdentifier, server != self.segment.serviceAddress { return .silent(.notOurs) }
        guard let address = query.requestedAddress, let index = self.table.index(of: address), self.table[index].state == .bound,
            self.table[index].client == query.client.rawValue
        else { return .silent(.notOurs) }
        self.table[index].isDeclined = true
        // A reserved address has no substitute: the operator is told, and the machine keeps asking for it.
        if self.table[index].reservedFor == 0 {
            self.table.unlink(client: query.client.rawValue, from: index)
            self.table[index].state = .quarantined
            self.table[index].expiry = now.advanced(bySeconds: self.terms.quarantineSeconds)
            self.noteChange(index, replicated: true)
        } else {
            self.noteChange(index, recorded: true, replicated: true)
        }
        return .recorded(.declined)
    }
}
