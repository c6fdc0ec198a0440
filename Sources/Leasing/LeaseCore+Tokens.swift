// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

/// Tokens, grants and recycling: what a rack and the authority say to one another.
extension LeaseCore {
    // MARK: Tokens (rule R6)

    mutating func take(_ grant: TokenGrant, into effects: inout [LeaseEffect]) {
        guard grant.rack == self.rack, grant.journal == self.journal || self.mutations.contains(.takesStrangersTokens) else { return }
        var records: [AddressRecord] = []
        var taken: [Token] = []
        var known: [Token] = []
        for token in grant.tokens {
            guard self.segment.subnet.hosts.contains(token.address), token.address != self.segment.serviceAddress,
                token.generation < .max
            else {
                // Nobody may have such an address. The token is taken and never spent, so that it is not sent for ever.
                known.append(token)
                continue
            }
            guard let index = self.table.indexMakingSlot(of: token.address) else {
                effects.append(.report(.tooManyAddresses))
                break
            }
            let slot = self.table[index]
            let isNew = slot.handed <= token.generation && slot.floor <= token.generation
            if isNew, slot.state == .bound, slot.generation >= token.generation {
                // A later generation exists, so this token is late. The same one cannot be bound before its token came.
                if slot.generation == token.generation { effects.append(.report(.contradiction(token))) }
                continue
            }
            guard isNew || self.mutations.contains(.takesTokensTwice) && slot.floor <= token.generation else {
                // Durable already, unless it is on its way to the disk: then the receipt follows from there.
                if slot.state != .arriving { known.append(token) }
                continue
            }
            self.vacate(index)
            self.table[index].state = .arriving
            self.table[index].generation = token.generation
            self.table[index].floor = max(slot.floor, token.generation)
            self.table[index].handed = max(slot.handed, token.generation + 1)
            records.append(self.record(index))
            taken.append(token)
        }
        if !taken.isEmpty { self.persist(.addresses(records), then: .tokens(taken), into: &effects) }
        self.sendReceipt(known, into: &effects)
    }

    mutating func finish(tokens: [Token], into effects: inout [LeaseEffect]) {
        for token in tokens {
            guard let index = self.table.index(of: token.address), self.table[index].state == .arriving,
                self.table[index].generation == token.generation
            else { continue }
            self.table[index].state = .free
            if self.table[index].reservedFor == 0 { self.table.append(index, to: &self.freeQueue) }
        }
        self.sendReceipt(tokens, into: &effects)
    }

    private func sendReceipt(_ tokens: [Token], into effects: inout [LeaseEffect]) {
        guard !tokens.isEmpty else { return }
        effects.append(
            .send(
                .receipt(TokenReceipt(segmentID: self.segment.segmentID, rack: self.rack, journal: self.journal, tokens: tokens))
            )
        )
    }

    // MARK: The serving grant

    /// Asks every ten minutes while a grant lasts, every two seconds without one.
    mutating func requestGrant(now: Instant, into effects: inout [LeaseEffect]) {
        guard self.nextGrantRequest <= now else { return }
        let interval = now < self.grantEnd ? max(1, min(600, self.terms.grantSeconds / 20)) : 2
        self.nextGrantRequest = now.advanced(bySeconds: interval)
        self.grantRequestNumber += 1
        if self.grantRequests.count == 8 { self.grantRequests.removeFirst() }
        let isContinuing = now < self.grantEnd
        self.grantRequests.append(GrantRequestNote(number: self.grantRequestNumber, sent: now, isContinuing: isContinuing))
        effects.append(
            .send(
                .grantRequest(
                    ServingGrantRequest(
                        segmentID: self.segment.segmentID, rack: self.rack, journal: self.journal, incarnation: self.incarnation,
                        number: self.grantRequestNumber, knownVersion: self.knownVersion, isContinuing: isContinuing
                    )
                )
            )
        )
    }

    mutating func take(_ grant: ServingGrant, now: Instant, into effects: inout [LeaseEffect]) {
        guard grant.rack == self.rack, grant.incarnation == self.incarnation,
            let request = self.grantRequests.first(where: { $0.number == grant.number }),
            grant.vector.since <= self.knownVersion, grant.seconds > 0, grant.seconds <= 10_000_000
        else { return }
        self.grantRequests.removeAll { $0.number <= grant.number }
        // The answer took it for granted that no generation could end without this rack; by now one may have (rule R11).
        guard !request.isContinuing || now < self.grantEnd else { return }
        guard self.mutations.contains(.skipsPurge) || self.purge(grant.vector, now: now, into: &effects) else { return }
        // Counted from the sending of the request, and shortened: never longer than the authority thinks.
        let start = self.mutations.contains(.countsGrantFromAnswer) ? now : request.sent
        let end = start.advanced(byNanoseconds: self.terms.shortened(grant.seconds))
        if self.grantEnd < request.sent { self.nextDemand = .distantPast }
        self.grantEnd = max(self.grantEnd, end)
    }

    /// Rule R7. False when it could not be applied as a whole: then the grant must not take effect.
    private mutating func purge(_ vector: GenerationVector, now: Instant, into effects: inout [LeaseEffect]) -> Bool {
        var records: [AddressRecord] = []
        for token in vector.generations {
            guard let index = self.table.indexMakingSlot(of: token.address) else {
                effects.append(.report(.tooManyAddresses))
                return false
            }
            // In doubt is not over (rule R11): the client of a lease that is given up here goes on with it.
            if self.table[index].state == .bound, self.table[index].generation < token.generation, !self.mutations.contains(.forgetsGivenUp) {
                self.acknowledgesAfter = max(self.acknowledgesAfter, self.table[index].expiry)
            }
            self.raiseFloor(index, to: token.generation)
            records.append(self.record(index))
        }
        if !records.isEmpty { self.persist(.addresses(records), into: &effects) }
        guard vector.version > self.knownVersion else { return true }
        self.knownVersion = vector.version
        self.persist(.vector(version: vector.version), into: &effects)
        return true
    }

    /// Gives up everything that is older than a generation.
    private mutating func raiseFloor(_ index: Int, to generation: UInt32) {
        guard self.table[index].floor < generation else { return }
        self.table[index].floor = generation
        if self.table[index].generation < generation { self.vacate(index) }
    }

    // MARK: Recycling (rules R4 and R8)

    mutating func recycle(_ request: RecycleRequest, now: Instant, into effects: inout [LeaseEffect]) {
        var records: [AddressRecord] = []
        var ended: [Token] = []
        for token in request.tokens {
            guard token.generation < .max, let index = self.table.indexMakingSlot(of: token.address) else { continue }
            if self.table[index].floor <= token.generation {
                guard self.mayEnd(index, token.generation, now: now) else { continue }
                self.raiseFloor(index, to: token.generation + 1)
                records.append(self.record(index))
            }
            ended.append(token)
        }
        guard !ended.isEmpty else { return }
        if self.mutations.contains(.acknowledgesBeforeDisk) { self.acknowledge(ended, into: &effects) }
        if !records.isEmpty {
            self.persist(.addresses(records), then: .acknowledgements(ended), into: &effects)
        } else if self.pending.isEmpty {
            self.acknowledge(ended, into: &effects)
        } else {
            // The floor may still be on its way to the disk: behind everything that was asked for.
            self.pending.append(PendingWrite(sequence: self.sequence, consequence: .acknowledgements(ended)))
        }
    }

    private func mayEnd(_ index: Int, _ generation: UInt32, now: Instant) -> Bool {
        if now < self.acknowledgesAfter, !self.mutations.contains(.hasty) { return false }
        let slot = self.table[index]
        // An older one may still live when the database forgot generations (rule R11).
        guard slot.generation <= generation, !self.mutations.contains(.endsLiveLeases) else { return true }
        return switch slot.state {
        case .bound, .quarantined: slot.expiry <= now
        case .vacant, .arriving, .free, .debiting, .ready, .undecided: true
        }
    }

    mutating func acknowledge(_ tokens: [Token], into effects: inout [LeaseEffect]) {
        effects.append(
            .send(
                .recycled(
                    RecycleAcknowledgement(
                        segmentID: self.segment.segmentID, rack: self.rack, journal: self.journal, tokens: tokens
                    )
                )
            )
        )
    }

    // MARK: Other racks' bindings (rule R5)

    mutating func merge(_ replication: BindingReplication, now: Instant, into effects: inout [LeaseEffect]) {
        for update in replication.updates {
            let client = update.client.rawValue
            guard client != 0, self.segment.subnet.hosts.contains(update.address),
                let index = self.table.indexMakingSlot(of: update.address)
            else { continue }
            let slot = self.table[index]
            if slot.floor > update.generation, !self.mutations.contains(.takesOldNews) { continue }
            let seconds = max(0, min(update.remainingSeconds, self.terms.maximumLeaseSeconds * 2))
            let expiry = now.advanced(byNanoseconds: self.terms.lengthened(seconds))
            if slot.state != .vacant {
                if slot.generation > update.generation { continue }
                if slot.generation == update.generation {
                    self.merge(update, into: index, expiry: expiry, effects: &effects)
                    continue
                }
            }
            self.vacate(index)
            self.adopt(update, at: index, expiry: expiry)
        }
    }

    private mutating func merge(
        _ update: BindingReplication.Update, into index: Int, expiry: Instant, effects: inout [LeaseEffect]
    ) {
        let slot = self.table[index]
        switch slot.state {
        case .bound where slot.client == update.client.rawValue:
            self.table[index].expiry = max(slot.expiry, expiry)
        case .undecided:
            // Another rack remembers what a crash here took.
            self.adopt(update, at: index, expiry: expiry)
        case .quarantined: break
        case .vacant, .arriving, .free, .debiting, .ready, .bound:
            effects.append(.report(.contradiction(slot.token(update.generation))))
        }
    }

    private mutating func adopt(_ update: BindingReplication.Update, at index: Int, expiry: Instant) {
        let client = update.client.rawValue
        self.table[index].state = .bound
        self.table[index].generation = update.generation
        // That this generation exists proves that all earlier ones are over.
        self.table[index].floor = max(self.table[index].floor, update.generation)
        self.table[index].client = client
        self.table[index].expiry = expiry
        if let other = self.table.binding(of: client), self.table[other].expiry > expiry {
            // The client's way leads to the binding that lasts longest.
        } else {
            self.table.link(client: client, to: index)
        }
        self.noteChange(index, reported: true, replicated: true)
    }
}
