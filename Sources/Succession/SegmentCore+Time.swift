// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Leasing

extension SegmentCore {
    /// The most that one interval counts as listened.
    private var longestInterval: Duration { self.terms.pulseInterval * 2 }

    /// Every event shows whether we were run in time: a gap makes us doubt what we know before anything else is done.
    mutating func noticeGap(now: Instant, effects: inout [SuccessionEffect]) {
        let gap = Duration.nanoseconds(self.lastTick.nanoseconds(until: now))
        guard gap > self.terms.schedulingGap, !self.mutations.contains(.skipsFrozenCheck) else { return }
        self.lastTick = now
        let until = self.instant(now, after: self.terms.frozenListening)
        switch self.state {
        case .detached, .fenced, .joining: return
        case .frozenCheck(_, let wasServing): self.state = .frozenCheck(until: until, wasServing: wasServing)
        case .active, .draining:
            self.state = .frozenCheck(until: until, wasServing: true)
            effects.append(.silence)
        case .standby, .suspecting, .claiming: self.state = .frozenCheck(until: until, wasServing: false)
        }
        effects.append(.report(.wasFrozen(gap: gap)))
    }

    mutating func elapse(now: Instant, effects: inout [SuccessionEffect]) {
        self.listen(now: now)
        if now >= self.grantEnd, !self.mutations.contains(.ignoresGrantEnd) { self.fence(.grantEnded, effects: &effects) }
        switch self.state {
        case .detached, .fenced: break
        case .joining: self.join(now: now)
        case .standby: self.lookForEvidence(now: now, effects: &effects)
        case .suspecting(let suspicion, let claimAfter): self.reconsider(suspicion, claimAfter: claimAfter, now: now, effects: &effects)
        case .claiming(let suspicion, let since, let until):
            if now >= until { self.takeOver(suspicion, claimed: since, now: now, effects: &effects) }
        case .active: self.keepServing(now: now, effects: &effects)
        case .draining(let draining):
            self.keepServing(now: now, effects: &effects)
            self.superviseDraining(draining, now: now, effects: &effects)
        case .frozenCheck(let until, let wasServing):
            if now >= until { self.thaw(wasServing: wasServing, now: now, effects: &effects) }
        }
        self.pulseWhenDue(now: now, effects: &effects)
    }

    /// Counts the time since the last tick as listened, as far as we were run.
    private mutating func listen(now: Instant) {
        let passed = Duration.nanoseconds(max(0, self.lastTick.nanoseconds(until: now)))
        let listened = self.mutations.contains(.countsOwnPauses) ? passed : min(passed, self.longestInterval)
        self.lastTick = max(self.lastTick, now)
        self.clientSilence += listened
        for index in self.peers.indices {
            self.peers[index].silence += listened
            self.peers[index].gossipSilence += listened
            let pulse = self.peers[index].pulse
            self.peers[index].deafness = pulse.heard.isEmpty ? self.peers[index].deafness + listened : .zero
            let isStuck = Duration.milliseconds(Int64(pulse.progressAge)) > self.terms.stuckAge && self.peers[index].silence < self.terms.silence
            self.peers[index].stuck = isStuck ? self.peers[index].stuck + listened : .zero
        }
        self.vacancy = self.activePeer == nil && !self.isServing ? self.vacancy + listened : .zero
        self.forgetPeers()
    }

    /// Racks that have been gone for a day are no part of the ensemble.
    private mutating func forgetPeers() {
        self.peers.removeAll { $0.silence > .seconds(86_400) && $0.gossipSilence > .seconds(86_400) }
    }

    private mutating func join(now: Instant) {
        guard self.isSynchronized, now < self.grantEnd else { return }
        self.state = .standby
        self.vacancy = .zero
        self.heldDownUntil = self.instant(now, after: self.damping.holdDown(self.terms.holdDown, now: now))
    }

    /// Goes on after a pause, having listened. Whoever took over meanwhile keeps the segment.
    private mutating func thaw(wasServing: Bool, now: Instant, effects: inout [SuccessionEffect]) {
        let isOutranked = self.activePeer.map { self.peers[$0].pulse.claim > self.claim && self.peers[$0].silence < self.terms.silence } ?? false
        guard wasServing, !isOutranked, self.highestTerm <= self.claim.term else {
            if wasServing {
                self.damping.suffered(now: now)
                if let index = self.activePeer {
                    effects.append(.report(.yielded(to: self.peers[index].rack, term: self.peers[index].pulse.claim.term)))
                }
            }
            self.state = .standby
            for index in self.peers.indices { self.peers[index].silence = .zero }
            return
        }
        self.state = .active
        self.announcements = AnnouncementSchedule(start: now)
        effects.append(.serve(term: self.claim.term))
    }

    /// What a rack is worth in the order of claims: the list's wish, unless it came back lately or was lost too often.
    func preference(now: Instant) -> Int16 {
        let wish = self.list.preference(of: self.rack)
        let isLast = now < self.heldDownUntil || self.damping.isDamped(now: now) || self.isDrainWished
        return isLast ? wish - 1_000 : wish
    }

    private mutating func pulseWhenDue(now: Instant, effects: inout [SuccessionEffect]) {
        guard self.role.isHeard else { return }
        let isOften = self.isServing || self.role == .claiming
        // Half a tick early is better than a whole one late.
        let interval =
            (isOften ? self.terms.pulseInterval : self.terms.standbyInterval).wholeNanoseconds - self.terms.pulseInterval.wholeNanoseconds / 2
        guard self.lastPulse == .distantPast || self.lastPulse.nanoseconds(until: now) >= interval else { return }
        effects.append(self.pulse(now: now))
    }

    /// The next pulse, which is to be sent.
    mutating func pulse(now: Instant) -> SuccessionEffect {
        self.lastPulse = now
        self.sequence += 1
        if !self.isServing, self.role != .claiming { self.claim.preference = self.preference(now: now) }
        var successor: SystemID?
        if case .draining(let draining) = self.state, draining.step == .named { successor = draining.successor }
        let heard = self.peers.filter { $0.silence < self.terms.standbySilence }.map(\.rack)
        return .pulse(
            Pulse(
                segment: UInt32(truncatingIfNeeded: self.segment), rack: self.rack, role: self.role, boot: self.boot, sequence: self.sequence,
                claim: self.claim, progressAge: UInt32(clamping: self.progressAge.wholeNanoseconds / 1_000_000), successor: successor,
                heard: heard
            )
        )
    }
}
