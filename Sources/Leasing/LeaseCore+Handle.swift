// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

/// Everything but clients' messages.
extension LeaseCore {
    /// Takes note of an event.
    ///
    /// - Returns: what the shell has to do, in this order.
    public mutating func handle(_ event: LeaseEvent, now: Instant) -> [LeaseEffect] {
        var effects: [LeaseEffect] = []
        guard !self.isStopped else { return effects }
        switch event {
        case .started:
            self.rewrite(into: &effects)
            self.elapse(now: now, into: &effects)
        case .timeElapsed:
            self.elapse(now: now, into: &effects)
        case .persisted(let sequence):
            self.finishWrites(through: sequence, into: &effects)
            self.elapse(now: now, into: &effects)
        case .persistFailed:
            if !self.storageFailed { effects.append(.report(.storageFailed)) }
            self.storageFailed = true
            self.storageRetry = now.advanced(bySeconds: 5)
        case .received(.tokens(let grant)):
            self.take(grant, into: &effects)
        case .received(.recycle(let request)):
            self.recycle(request, now: now, into: &effects)
        case .received(.grant(let grant)):
            self.take(grant, now: now, into: &effects)
            self.elapse(now: now, into: &effects)
        case .replicated(let replication):
            self.merge(replication, now: now, into: &effects)
        case .activated(let isActive):
            self.isActive = isActive
        case .peersChanged(let present):
            if present, !self.hasPeers {
                for index in self.table.slots.indices where self.table[index].state == .bound {
                    self.noteChange(index, recorded: true, reported: true)
                }
            }
            self.hasPeers = present
        case .reconfigured(let segment):
            self.segment = segment
            self.applyReservations()
        case .foundInUse(let address, by: let device):
            self.setAside(address, usedBy: device, now: now, into: &effects)
        case .stopping:
            self.stop(now: now, into: &effects)
        }
        return effects
    }

    private mutating func elapse(now: Instant, into effects: inout [LeaseEffect]) {
        if self.storageFailed, self.storageRetry <= now {
            self.storageRetry = now.advanced(bySeconds: 5)
            self.rewrite(into: &effects)
        }
        self.debitAhead(into: &effects)
        self.tellChanges(now: now, into: &effects)
        self.requestGrant(now: now, into: &effects)
        if self.ranOut {
            // A client waits: not more than once a second, but soon.
            self.ranOut = false
            self.nextDemand = min(self.nextDemand, self.lastDemand.advanced(bySeconds: 1))
        }
        if self.nextDemand <= now, now < self.grantEnd, self.tokenDemand > 0 {
            self.nextDemand = now.advanced(bySeconds: 10)
            self.lastDemand = now
            effects.append(
                .send(
                    .demand(
                        TokenDemand(
                            segmentID: self.segment.segmentID, rack: self.rack, journal: self.journal, wanted: self.tokenDemand,
                            held: self.unspent
                        )
                    )
                )
            )
        }
    }

    private mutating func stop(now: Instant, into effects: inout [LeaseEffect]) {
        self.tellChanges(now: now, into: &effects)
        self.sequence += 1
        effects.removeAll { effect in
            if case .persist = effect { true } else { false }
        }
        // While an earlier crash is not yet over, this end does not make its losses good.
        let marked = self.acknowledgesAfter <= now
        effects.append(.rewrite(self.snapshot(clean: true, marked: marked), sequence: self.sequence))
        self.isStopped = true
    }

    // MARK: The journal

    mutating func persist(
        _ record: LeaseRecord, then consequence: PendingWrite.Consequence = .none, into effects: inout [LeaseEffect]
    ) {
        self.sequence += 1
        self.pending.append(PendingWrite(sequence: self.sequence, consequence: consequence))
        // After a failure the next rewrite holds everything that was asked for since.
        if !self.storageFailed { effects.append(.persist(record, sequence: self.sequence)) }
    }

    private mutating func rewrite(into effects: inout [LeaseEffect]) {
        self.sequence += 1
        self.pending.append(PendingWrite(sequence: self.sequence, consequence: .none))
        effects.append(.rewrite(self.snapshot(clean: false), sequence: self.sequence))
    }

    private mutating func finishWrites(through sequence: UInt64, into effects: inout [LeaseEffect]) {
        let done = self.pending.prefix { $0.sequence <= sequence }
        guard !done.isEmpty else { return }
        self.pending.removeFirst(done.count)
        if self.storageFailed {
            self.storageFailed = false
            effects.append(.report(.storageRecovered))
            // What was asked for after that rewrite began was not handed to the shell.
            if !self.pending.isEmpty { self.rewrite(into: &effects) }
        }
        for write in done {
            switch write.consequence {
            case .none: break
            case .tokens(let tokens): self.finish(tokens: tokens, into: &effects)
            case .debits(let tokens): self.finish(debits: tokens)
            case .acknowledgements(let tokens): self.acknowledge(tokens, into: &effects)
            case .bindings(let slots): self.finish(bindings: slots)
            }
        }
    }

    // MARK: Debits (rule R1)

    /// How many addresses are to be ready.
    var debitSize: Int {
        max(self.terms.debitBlock, (self.freeQueue.count + self.readyQueue.count) / 8)
    }

    /// True when less than a block is ready, and more can be made so.
    var wantsDebit: Bool {
        !self.storageFailed && self.freeQueue.count > 0 && self.readyQueue.count + self.debiting < self.debitSize
    }

    private mutating func debitAhead(into effects: inout [LeaseEffect]) {
        self.ranDry = false
        guard self.wantsDebit else { return }
        var records: [AddressRecord] = []
        var tokens: [Token] = []
        let size = min(self.debitSize, 1_024)
        while records.count < size, self.freeQueue.head >= 0 {
            let index = Int(self.freeQueue.head)
            self.table.remove(index, from: &self.freeQueue)
            self.table[index].state = .debiting
            self.debiting += 1
            records.append(self.record(index))
            tokens.append(self.table[index].token(self.table[index].generation))
        }
        self.persist(.addresses(records), then: .debits(tokens), into: &effects)
    }

    private mutating func finish(debits tokens: [Token]) {
        for token in tokens {
            guard let index = self.table.index(of: token.address), self.table[index].state == .debiting,
                self.table[index].generation == token.generation
            else { continue }
            self.debiting -= 1
            self.table[index].state = .ready
            if self.table[index].reservedFor == 0 { self.table.append(index, to: &self.readyQueue) }
        }
    }

    // MARK: Telling others

    /// Empties the list of changes: the journal learns bindings (which only continuity needs, so nobody waits for it), the region
    /// all of them, the other racks those that they could extend.
    private mutating func tellChanges(now: Instant, into effects: inout [LeaseEffect]) {
        guard !self.changed.isEmpty else { return }
        var changed: [Int32] = []
        // Room for the worst case, so that the hot path never has to make any.
        changed.reserveCapacity(self.table.slots.count)
        swap(&changed, &self.changed)
        var start = 0
        while start < changed.count {
            let end = min(start + 512, changed.count)
            self.tell(changed[start..<end], now: now, into: &effects)
            start = end
        }
    }

    private mutating func tell(_ changed: ArraySlice<Int32>, now: Instant, into effects: inout [LeaseEffect]) {
        var records: [AddressRecord] = []
        var bindings: [Int32] = []
        var entries: [LeaseReport.Entry] = []
        var updates: [BindingReplication.Update] = []
        for number in changed {
            let index = Int(number)
            let slot = self.table[index]
            self.table[index].isChanged = false
            self.table[index].isUnrecorded = false
            self.table[index].isUnreported = false
            self.table[index].isUnreplicated = false
            if slot.isDeclined {
                self.table[index].isDeclined = false
                effects.append(.report(.declined(slot.token(slot.generation))))
            }
            if slot.isUnrecorded { records.append(self.record(index)) }
            if slot.isAwaitingDisk { bindings.append(number) }
            if slot.isUnreported, let entry = self.reportEntry(slot, now: now) { entries.append(entry) }
            if slot.isUnreplicated, self.hasPeers, slot.state == .bound {
                updates.append(
                    BindingReplication.Update(
                        address: IPv4Address(rawValue: slot.address), generation: slot.generation,
                        client: MACAddress(rawValue: slot.client), remainingSeconds: Self.remaining(slot.expiry, now: now)
                    )
                )
            }
        }
        if !records.isEmpty { self.persist(.addresses(records), then: .bindings(bindings), into: &effects) }
        if !updates.isEmpty {
            effects.append(
                .replicate(BindingReplication(segmentID: self.segment.segmentID, rack: self.rack, updates: updates))
            )
        }
        if !entries.isEmpty {
            effects.append(.send(.report(LeaseReport(segmentID: self.segment.segmentID, rack: self.rack, entries: entries))))
        }
    }

    private func reportEntry(_ slot: AddressSlot, now: Instant) -> LeaseReport.Entry? {
        let state: LeaseReport.State
        switch slot.state {
        case .bound: state = slot.isReleased ? .released : .bound
        case .quarantined: state = .declined
        case .undecided: state = .undecided
        case .vacant, .arriving, .free, .debiting, .ready: return nil
        }
        return LeaseReport.Entry(
            address: IPv4Address(rawValue: slot.address), generation: slot.generation, state: state,
            client: slot.state == .bound ? MACAddress(rawValue: slot.client) : nil,
            remainingSeconds: slot.state == .undecided ? 0 : Self.remaining(slot.expiry, now: now)
        )
    }

    /// Whole seconds, rounded up: whoever receives them waits.
    static func remaining(_ expiry: Instant, now: Instant) -> Int {
        let nanoseconds = now.nanoseconds(until: expiry)
        guard nanoseconds > 0 else { return 0 }
        return Int((nanoseconds - 1) / 1_000_000_000 + 1)
    }

    // MARK: Reservations

    /// Brings the slots' reservations in line with the segment's.
    mutating func applyReservations() {
        var wanted = FlatIndex(minimumCapacity: self.segment.reservations.count)
        var byClient = FlatIndex(minimumCapacity: self.segment.reservations.count)
        for (number, reservation) in self.segment.reservations.enumerated() {
            let client = reservation.client.rawValue
            let address = UInt64(reservation.address.rawValue)
            guard client != 0, byClient[client] == nil, wanted[address] == nil, self.segment.subnet.contains(reservation.address)
            else { continue }
            wanted.set(address, to: number)
            byClient.set(client, to: number)
        }
        for index in self.table.slots.indices where self.table[index].reservedFor != 0 {
            let number = wanted[UInt64(self.table[index].address)]
            if let number, self.segment.reservations[number].client.rawValue == self.table[index].reservedFor { continue }
            self.table[index].reservedFor = 0
            // Out of its queue since it was reserved. What the machine did with it may have been forgotten: not to be reused.
            if self.table[index].state == .free || self.table[index].state == .ready {
                self.table.unlink(client: self.table[index].client, from: index)
                self.table[index].client = 0
                self.table[index].state = .undecided
                self.noteChange(index, replicated: true)
            }
        }
        self.reservations = FlatIndex(minimumCapacity: self.segment.reservations.count)
        for (number, reservation) in self.segment.reservations.enumerated() {
            guard wanted[UInt64(reservation.address.rawValue)] == number,
                let index = self.table.indexMakingSlot(of: reservation.address)
            else { continue }
            self.dequeue(index)
            self.table[index].reservedFor = reservation.client.rawValue
            self.table[index].reservationIsLocal = reservation.generation == nil
            self.table[index].reservedGeneration = reservation.generation ?? 0
            self.reservations.set(reservation.client.rawValue, to: index)
        }
    }
}
