// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Leasing

extension SegmentCore {
    // MARK: Pulses

    mutating func hear(_ pulse: Pulse, now: Instant, effects: inout [SuccessionEffect]) {
        guard pulse.rack != self.rack else { return }
        let index: Int
        if let known = self.peers.firstIndex(where: { $0.rack == pulse.rack }) {
            if self.peers[known].pulse.boot != pulse.boot { self.peers[known].isDead = false }
            guard !self.peers[known].isDead else { return }
            index = known
        } else {
            self.peers.append(SegmentPeer(pulse: pulse))
            index = self.peers.count - 1
        }
        self.peers[index].pulse = pulse
        self.peers[index].silence = .zero
        if pulse.role.isServing || pulse.role == .claiming { self.highestTerm = max(self.highestTerm, pulse.claim.term) }
        self.compare(with: pulse, now: now, effects: &effects)
        if pulse.role.isServing, pulse.successor == self.rack { self.takeHandover(from: pulse, now: now, effects: &effects) }
    }

    /// Settles who serves, where both would.
    private mutating func compare(with pulse: Pulse, now: Instant, effects: inout [SuccessionEffect]) {
        guard pulse.role.isServing || pulse.role == .claiming else { return }
        switch self.state {
        case .active, .draining:
            if pulse.claim > self.claim {
                guard !self.mutations.contains(.neverYields) else { return }
                self.yield(to: pulse, now: now, effects: &effects)
            } else if pulse.role.isServing, self.announcements?.mayRepeat(now: now) ?? false {
                // The loser's last announcement may be what the segment believes.
                effects.append(.announce)
                effects.append(self.pulse(now: now))
            }
        case .claiming:
            if pulse.claim > self.claim { self.state = .standby }
        case .suspecting(let suspicion, _):
            // Somebody else is quicker, or the one that was missed is back.
            let isBack = pulse.rack == suspicion.rack && suspicion.reason != .stuck && suspicion.reason != .deaf
            if pulse.claim.term >= suspicion.term, pulse.rack != suspicion.rack || isBack { self.state = .standby }
        case .standby:
            if self.mutations.contains(.preempts), self.preference(now: now) > pulse.claim.preference {
                self.suspect(.vacant, of: self.peers.firstIndex { $0.rack == pulse.rack }, now: now, effects: &effects)
            }
        case .detached, .joining, .frozenCheck, .fenced: break
        }
    }

    private mutating func yield(to pulse: Pulse, now: Instant, effects: inout [SuccessionEffect]) {
        var isHandover = false
        if case .draining(let draining) = self.state, draining.successor == pulse.rack { isHandover = true }
        self.state = .standby
        self.announcements = nil
        effects.append(.silence)
        if isHandover {
            effects.append(.report(.drained(to: pulse.rack)))
        } else {
            self.damping.suffered(now: now)
            effects.append(.report(.yielded(to: pulse.rack, term: pulse.claim.term)))
        }
    }

    // MARK: Suspicion

    mutating func noteDeath(of rack: SystemID, boot: UInt64, now: Instant, effects: inout [SuccessionEffect]) {
        guard let index = self.peers.firstIndex(where: { $0.rack == rack && $0.pulse.boot == boot }), !self.peers[index].isDead else { return }
        let wasActive = self.activePeer == index
        self.peers[index].isDead = true
        guard wasActive, case .standby = self.state, !self.mutations.contains(.neverSuspects) else { return }
        self.suspect(.died, of: index, now: now, effects: &effects)
    }

    /// A standby's question on each tick: is the active rack still there?
    mutating func lookForEvidence(now: Instant, effects: inout [SuccessionEffect]) {
        guard !self.mutations.contains(.neverSuspects) else { return }
        guard let index = self.activePeer else {
            if self.vacancy >= self.terms.silence { self.suspect(.vacant, of: nil, now: now, effects: &effects) }
            return
        }
        let active = self.peers[index]
        if active.silence >= self.terms.silence {
            if !active.isAliveByGossip(self.terms) || !active.saysServing || self.mutations.contains(.trustsPulsesAlone) {
                self.suspect(.silent, of: index, now: now, effects: &effects)
            } else if self.isHeardByThirdRack(than: active.rack) || self.clientSilence < self.terms.clientProof {
                self.suspect(.split, of: index, now: now, effects: &effects)
            } else if !self.hasReportedDoubt {
                self.hasReportedDoubt = true
                effects.append(.report(.linkSuspected))
            }
            return
        }
        self.hasReportedDoubt = false
        if active.stuck > .zero {
            if active.stuck >= self.terms.patience {
                self.suspect(.stuck, of: index, now: now, effects: &effects)
            } else if active.stuck <= self.terms.pulseInterval * 2 {
                effects.append(.askToYield(active.rack))
            }
        } else if active.deafness >= self.terms.deafness {
            self.suspect(.deaf, of: index, now: now, effects: &effects)
        }
    }

    /// Whether some other rack that is heard here says that it hears us: then it is not our own link that is broken.
    private func isHeardByThirdRack(than rack: SystemID) -> Bool {
        self.peers.contains { $0.rack != rack && $0.silence < self.terms.standbySilence && $0.pulse.heard.contains(self.rack) }
    }

    mutating func suspect(_ reason: Takeover.Reason, of index: Int?, now: Instant, effects: inout [SuccessionEffect]) {
        let peer = index.map { self.peers[$0] }
        let suspicion = Suspicion(
            reason: reason, rack: peer?.rack, term: max(self.highestTerm, peer?.pulse.claim.term ?? 0), since: now,
            silence: peer?.silence ?? self.vacancy
        )
        let claimAfter = self.instant(now, after: self.terms.rankDelay * self.rank(without: peer?.rack, now: now))
        self.state = .suspecting(suspicion, claimAfter: claimAfter)
        self.reconsider(suspicion, claimAfter: claimAfter, now: now, effects: &effects)
    }

    /// How many of the racks that are ready are preferred to this one.
    private func rank(without rack: SystemID?, now: Instant) -> Int {
        var own = self.claim
        own.preference = self.preference(now: now)
        return self.peers.count { $0.rack != rack && $0.isReady(self.terms) && $0.pulse.claim.isPreferred(to: own) }
    }

    mutating func reconsider(_ suspicion: Suspicion, claimAfter: Instant, now: Instant, effects: inout [SuccessionEffect]) {
        if let index = self.activePeer, self.peers[index].rack == suspicion.rack, self.peers[index].silence < self.terms.silence {
            switch suspicion.reason {
            case .silent, .split, .vacant:
                self.state = .standby
                return
            case .stuck where self.peers[index].stuck == .zero, .deaf where self.peers[index].deafness == .zero:
                self.state = .standby
                return
            case .died, .stuck, .deaf, .handover: break
            }
        }
        guard now >= claimAfter else { return }
        self.claim(suspicion, isFirst: self.rank(without: suspicion.rack, now: now) == 0, now: now, effects: &effects)
    }
}
