// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Leasing

extension SegmentCore {
    /// Raises the term and says so. The most preferred rack need not ask: if another claims too, the wire settles it.
    mutating func claim(_ suspicion: Suspicion, isFirst: Bool, now: Instant, effects: inout [SuccessionEffect]) {
        let raise: UInt64 = self.mutations.contains(.keepsTerm) ? 0 : 1
        self.claim.term = max(self.highestTerm, suspicion.term) &+ raise
        self.claim.preference = self.preference(now: now)
        self.highestTerm = self.claim.term
        if isFirst {
            self.takeOver(suspicion, claimed: now, now: now, effects: &effects)
        } else {
            self.state = .claiming(suspicion, since: now, until: self.instant(now, after: self.terms.pulseInterval))
            effects.append(self.pulse(now: now))
        }
    }

    mutating func takeOver(_ suspicion: Suspicion, claimed: Instant, now: Instant, effects: inout [SuccessionEffect]) {
        self.state = .active
        self.vacancy = .zero
        var announcements = AnnouncementSchedule(start: now)
        effects.append(.serve(term: self.claim.term))
        if announcements.isDue(now: now) { effects.append(.announce) }
        self.announcements = announcements
        effects.append(self.pulse(now: now))
        effects.append(
            .report(
                .tookOver(
                    Takeover(
                        reason: suspicion.reason, term: self.claim.term, from: suspicion.rack, detection: suspicion.silence,
                        claim: .nanoseconds(suspicion.since.nanoseconds(until: now))
                    )
                )
            )
        )
    }

    mutating func keepServing(now: Instant, effects: inout [SuccessionEffect]) {
        if self.announcements?.isDue(now: now) ?? false { effects.append(.announce) }
    }

    // MARK: Link, grant, end

    mutating func changeLink(_ isUp: Bool, effects: inout [SuccessionEffect]) {
        guard isUp != self.isLinkUp else { return }
        self.isLinkUp = isUp
        if isUp {
            guard case .detached = self.state else { return }
            self.state = .joining
            self.isSynchronized = false
            effects.append(.synchronize)
        } else {
            let wasServing = self.isServing
            if case .fenced = self.state { return }
            self.state = .detached
            self.announcements = nil
            if wasServing { effects.append(.silence) }
        }
    }

    mutating func changeGrant(_ remaining: Duration?, now: Instant, effects: inout [SuccessionEffect]) {
        guard let remaining, remaining > .zero else {
            self.grantEnd = .distantPast
            self.fence(.grantEnded, effects: &effects)
            return
        }
        self.grantEnd = self.instant(now, after: remaining)
        guard case .fenced = self.state else { return }
        self.state = self.isLinkUp ? .joining : .detached
        self.isSynchronized = false
        effects.append(.synchronize)
    }

    mutating func fence(_ reason: SuccessionReport.FenceReason, effects: inout [SuccessionEffect]) {
        if reason == .ordered { self.grantEnd = .distantPast }
        switch self.state {
        case .fenced, .joining: return
        case .detached, .standby, .suspecting, .claiming, .active, .draining, .frozenCheck:
            let wasServing = self.isServing
            self.state = .fenced
            self.announcements = nil
            if wasServing { effects.append(.silence) }
            effects.append(.report(.fenced(reason)))
        }
    }

    /// An orderly end: who serves names a successor, who has none falls silent.
    mutating func stop(now: Instant, effects: inout [SuccessionEffect]) {
        guard self.isServing else { return }
        if let successor = self.standbys.first {
            self.state = .draining(Draining(step: .named, successor: successor, until: self.instant(now, after: self.terms.handover)))
            effects.append(self.pulse(now: now))
        } else {
            self.state = .joining
            effects.append(.silence)
        }
    }

    // MARK: Handing over

    /// Asks the best standby to take the segment over; until it has, this rack serves on.
    mutating func beginDraining(now: Instant, effects: inout [SuccessionEffect]) {
        guard case .active = self.state else { return }
        guard let successor = self.standbys.first else {
            effects.append(.report(.cannotDrain(.noSuccessor)))
            return
        }
        self.state = .draining(Draining(step: .offered, successor: successor, until: self.instant(now, after: self.terms.handover)))
        effects.append(.offerHandover(to: successor, term: self.claim.term &+ 1))
    }

    mutating func endDrainWish() {
        self.isDrainWished = false
        if case .draining(let draining) = self.state, draining.step != .named { self.state = .active }
    }

    mutating func answerOffer(of rack: SystemID, effects: inout [SuccessionEffect]) {
        guard case .standby = self.state, !self.isDrainWished else { return }
        effects.append(.acceptHandover(from: rack))
    }

    mutating func continueDraining(with rack: SystemID, now: Instant, effects: inout [SuccessionEffect]) {
        guard case .draining(var draining) = self.state, draining.step == .offered, draining.successor == rack else { return }
        draining.step = .quietening
        draining.until = self.instant(now, after: self.terms.drain)
        self.state = .draining(draining)
        effects.append(.stopStarting)
    }

    /// Names the successor in pulses: it claims with a higher term, and only then this rack falls silent.
    mutating func nameSuccessor(now: Instant, effects: inout [SuccessionEffect]) {
        guard case .draining(var draining) = self.state, draining.step == .quietening else { return }
        draining.step = .named
        draining.until = self.instant(now, after: self.terms.handover)
        self.state = .draining(draining)
        effects.append(self.pulse(now: now))
        if self.mutations.contains(.drainsFirst) {
            self.state = .standby
            effects.append(.silence)
        }
    }

    mutating func superviseDraining(_ draining: Draining, now: Instant, effects: inout [SuccessionEffect]) {
        guard now >= draining.until else { return }
        switch draining.step {
        case .quietening: self.nameSuccessor(now: now, effects: &effects)
        case .offered, .named:
            // Served on all the time, so nothing is lost; whoever wanted the drain is told.
            self.state = .active
            effects.append(.report(.cannotDrain(.noAnswer)))
        }
    }

    /// The active rack has named this one.
    mutating func takeHandover(from pulse: Pulse, now: Instant, effects: inout [SuccessionEffect]) {
        switch self.state {
        case .standby, .suspecting:
            let suspicion = Suspicion(reason: .handover, rack: pulse.rack, term: pulse.claim.term, since: now, silence: .zero)
            self.claim(suspicion, isFirst: true, now: now, effects: &effects)
        case .detached, .joining, .claiming, .active, .draining, .frozenCheck, .fenced: break
        }
    }
}
