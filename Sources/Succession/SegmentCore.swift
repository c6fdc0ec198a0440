// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import Leasing

/// Who answers a segment: one rack's part in the succession, as `docs/takeover.md` describes it.
///
/// Nothing here guards against two clients with one address: the partition of addresses does (`LeaseCore`). So a takeover needs no quorum,
/// and may be wrong. What it must be is quick, rare when nothing is wrong, and settled as soon as racks hear one another.
public struct SegmentCore: Sendable {
    /// What the rack is doing; the roles of the wire with what only this rack knows.
    enum State: Sendable {
        case detached
        case joining
        case standby
        /// The active rack seems to be gone; claims once those who are preferred had their turn.
        case suspecting(Suspicion, claimAfter: Instant)
        /// Has claimed, and lets others object.
        case claiming(Suspicion, since: Instant, until: Instant)
        case active
        case draining(Draining)
        case frozenCheck(until: Instant, wasServing: Bool)
        case fenced
    }

    struct Suspicion: Sendable, Hashable {
        var reason: Takeover.Reason
        var rack: SystemID?
        var term: UInt64
        var since: Instant
        var silence: Duration
    }

    struct Draining: Sendable, Hashable {
        enum Step: Sendable, Hashable {
            /// The successor was asked.
            case offered
            /// The successor is ready; transfers end.
            case quietening
            /// The successor was named in pulses.
            case named
        }

        var step: Step
        var successor: SystemID
        var until: Instant
    }

    public let segment: Int
    public let rack: SystemID
    public let terms: SuccessionTerms
    /// Random for each start.
    public let boot: UInt64

    var state = State.joining
    var claim: Claim
    var list = SuccessionList()
    var peers: [SegmentPeer] = []
    /// The highest term that was ever heard of.
    var highestTerm: UInt64 = 0
    var sequence: UInt64 = 0
    var progressAge = Duration.zero
    var grantEnd = Instant.distantPast
    var isSynchronized = false
    var isLinkUp = true
    var isDrainWished = false
    var damping = FlapDamping()
    var heldDownUntil = Instant.distantPast
    /// Listened without any active rack.
    var vacancy = Duration.zero
    /// Listened without a client's broadcast.
    var clientSilence = Duration.seconds(3_600)
    var announcements: AnnouncementSchedule?
    var lastTick: Instant
    var lastPulse = Instant.distantPast
    var hasReportedDoubt = false
    var mutations: SuccessionMutation = []

    /// - Parameters:
    ///   - boot: random for each start of the rack.
    ///   - now: the rack's boot-time clock.
    public init(segment: Int, rack: SystemID, boot: UInt64, terms: SuccessionTerms = .standard, now: Instant) {
        self.segment = segment
        self.rack = rack
        self.terms = terms
        self.boot = boot
        self.lastTick = now
        self.claim = Claim(term: 0, preference: 0, score: SuccessionList.score(segment: segment, rack: rack), rack: rack)
    }

    public var role: SegmentRole {
        switch self.state {
        case .detached: .detached
        case .joining: .joining
        case .standby, .suspecting: .standby
        case .claiming: .claiming
        case .active: .active
        case .draining: .draining
        case .frozenCheck: .frozenCheck
        case .fenced: .fenced
        }
    }

    /// Whether this rack answers for the segment now.
    public var isServing: Bool { self.role.isServing }

    /// The claim that this rack made last.
    public var currentClaim: Claim { self.claim }

    /// The rack that answers the segment, as far as this one knows.
    public var activeRack: SystemID? {
        self.isServing ? self.rack : self.activePeer.map { self.peers[$0].rack }
    }

    /// The racks that are ready to take over, most preferred first.
    public var standbys: [SystemID] {
        self.peers.filter { $0.isReady(self.terms) }.sorted { $0.pulse.claim.isPreferred(to: $1.pulse.claim) }.map(\.rack)
    }

    /// Takes note of an event. The effects are to be carried out in their order.
    public mutating func handle(_ event: SuccessionEvent, now: Instant) -> [SuccessionEffect] {
        var effects: [SuccessionEffect] = []
        self.noticeGap(now: now, effects: &effects)
        switch event {
        case .timeElapsed: self.elapse(now: now, effects: &effects)
        case .pulsed(let pulse): self.hear(pulse, now: now, effects: &effects)
        case .clientHeard: self.clientSilence = .zero
        case .progressed(let age): self.progressAge = max(.zero, age)
        case .gossiped(let rack, let isServing): self.update(rack) { $0.hearGossip(isServing: isServing) }
        case .lost(let rack): self.update(rack) { $0.isLost = true }
        case .died(let rack, let boot): self.noteDeath(of: rack, boot: boot, now: now, effects: &effects)
        case .listChanged(let list):
            if list.version >= self.list.version { self.list = list }
        case .termKnown(let term): self.highestTerm = max(self.highestTerm, term)
        default: self.obey(event, now: now, effects: &effects)
        }
        return effects
    }

    /// What this rack is told about itself.
    private mutating func obey(_ event: SuccessionEvent, now: Instant, effects: inout [SuccessionEffect]) {
        switch event {
        case .linkChanged(let isUp): self.changeLink(isUp, effects: &effects)
        case .grantChanged(let remaining): self.changeGrant(remaining, now: now, effects: &effects)
        case .synchronized: self.isSynchronized = true
        case .drainRequested:
            self.isDrainWished = true
            self.beginDraining(now: now, effects: &effects)
        case .undrainRequested: self.endDrainWish()
        case .yieldRequested: self.beginDraining(now: now, effects: &effects)
        case .handoverOffered(let rack): self.answerOffer(of: rack, effects: &effects)
        case .handoverReady(let rack): self.continueDraining(with: rack, now: now, effects: &effects)
        case .quietened: self.nameSuccessor(now: now, effects: &effects)
        case .fenced: self.fence(.ordered, effects: &effects)
        case .stopping: self.stop(now: now, effects: &effects)
        case .timeElapsed, .pulsed, .clientHeard, .progressed, .gossiped, .lost, .died, .listChanged, .termKnown: break
        }
    }

    // MARK: Peers

    mutating func update(_ rack: SystemID, _ body: (inout SegmentPeer) -> Void) {
        guard let index = self.peers.firstIndex(where: { $0.rack == rack }) else { return }
        body(&self.peers[index])
    }

    /// The peer that serves the segment by its last pulse: the one with the highest claim.
    var activePeer: Int? {
        self.peers.indices.filter { self.peers[$0].pulse.role.isServing && !self.peers[$0].isDead }
            .max { self.peers[$0].pulse.claim < self.peers[$1].pulse.claim }
    }

    func instant(_ now: Instant, after duration: Duration) -> Instant {
        now.advanced(byNanoseconds: duration.wholeNanoseconds)
    }
}

extension SegmentPeer {
    mutating func hearGossip(isServing: Bool) {
        self.gossipSilence = .zero
        self.saysServing = isServing
        self.isLost = false
    }
}

extension Duration {
    /// Rounded down, and the largest there is where it does not fit.
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, isTooMuch) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return isTooMuch ? .max : sum
    }
}
