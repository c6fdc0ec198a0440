// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import ClusterMessages
internal import DHCP
internal import Domain
internal import Glibc
internal import Leasing
internal import Logging
internal import Succession
internal import Synchronization

/// One rack's part in the succession of one segment: the shell around `SegmentCore`.
///
/// One thread pulses, listens, answers ARP for the service address and switches DHCP; nothing in it waits for anything but the next pulse.
final class SuccessionService: Sendable {
    /// What the succession wants of other racks; at most 64 wait, and the core asks again.
    let asks: AsyncStream<SuccessionAsk>

    private let configuration: SuccessionConfiguration
    private let boot: UInt64
    private let dhcp: DHCPService
    private let logger: Logger
    private let ask: AsyncStream<SuccessionAsk>.Continuation
    /// Told what happened, for the operator; must not wait.
    private let report: @Sendable (SuccessionReport) -> Void
    private let state = Mutex(State())
    private let wakeup: Int32

    /// The most events that wait for the thread.
    private static let maximumInbox = 1_024

    private struct State: ~Copyable {
        var inbox: [SuccessionEvent] = []
        var keys = PulseKeys([])
        var confirmed: [(rack: SystemID, boot: UInt64)] = []
        var isStopping = false
        var view = View()
        var thread: ServiceThread?
    }

    /// What others may know of the succession.
    struct View: Sendable {
        var role = SegmentRole.joining
        var term: UInt64 = 0
        var active: SystemID?
        var standbys: [SystemID] = []
        var lastTakeover: Takeover?
    }

    /// - Parameter boot: random for each start of the rack, the same in its heartbeats.
    init(
        configuration: SuccessionConfiguration, boot: UInt64, dhcp: DHCPService, logger: Logger,
        report: @escaping @Sendable (SuccessionReport) -> Void
    ) {
        self.configuration = configuration
        self.boot = boot
        self.dhcp = dhcp
        var logger = logger
        logger[metadataKey: "segment.id"] = "\(configuration.segmentID)"
        self.logger = logger
        (self.asks, self.ask) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(64))
        self.report = report
        self.wakeup = csys_eventfd_create()
    }

    deinit {
        if self.wakeup >= 0 { close(self.wakeup) }
    }

    /// Begins to take part.
    ///
    /// - Throws: `DHCPServiceError`.
    func start() throws(DHCPServiceError) {
        self.apply(self.configuration.succession)
        let address = ServiceAddress(address: self.configuration.serviceAddress, interface: self.configuration.interfaceName)
        if let problem = address.add() { throw DHCPServiceError(.resources, problem) }
        let wire = Handover(try SegmentWire(interfaceName: self.configuration.interfaceName))
        let thread = try ServiceThread {
            guard let wire = wire.take() else { return }
            self.run(wire, address)
        }
        var started: ServiceThread? = .some(consume thread)
        self.state.withLock { state in
            swap(&state.thread, &started)
        }
        self.ask.yield(.synchronize(segmentID: self.configuration.segmentID))
    }

    /// Leaves the segment, to a successor where there is one.
    func stop() {
        var thread = self.state.withLock { state -> ServiceThread? in
            state.isStopping = true
            csys_eventfd_signal(self.wakeup)
            return state.thread.take()
        }
        thread.take()?.join()
        self.ask.finish()
    }

    func apply(_ succession: SegmentSuccession) {
        self.state.withLock { $0.keys = PulseKeys(succession.pulseKeys) }
        self.tell(.listChanged(SuccessionList(version: succession.version, racks: succession.racks)))
    }

    /// Whether this is the part in the succession that a configuration asks for.
    func isFor(_ segment: SegmentConfiguration) -> Bool {
        segment.serviceAddress == self.configuration.serviceAddress && segment.interfaceName == self.configuration.interfaceName
    }

    func tell(_ event: SuccessionEvent) {
        self.state.withLock { state in
            guard state.inbox.count < Self.maximumInbox else { return }
            state.inbox.append(event)
        }
        csys_eventfd_signal(self.wakeup)
    }

    /// Gossip's word for which start of a rack is the present one.
    func confirm(_ rack: SystemID, boot: UInt64) {
        self.state.withLock { state in
            guard state.confirmed.count < Self.maximumInbox else { return }
            state.confirmed.append((rack, boot))
        }
    }

    var view: View { self.state.withLock { $0.view } }

    var segmentID: Int { self.configuration.segmentID }

    // MARK: The thread

    private func run(_ wire: consuming SegmentWire, _ address: ServiceAddress) {
        // With the privilege a busy host delays no pulse; without it one is late now and then.
        _ = csys_thread_prioritize()
        var loop = SuccessionLoop(
            core: SegmentCore(
                segment: self.configuration.segmentID, rack: self.configuration.rack, boot: self.boot, terms: self.configuration.terms,
                now: DHCPService.now),
            wire: wire, address: address, interval: self.configuration.terms.pulseInterval
        )
        while true {
            loop.wait(self.wakeup)
            csys_eventfd_clear(self.wakeup)
            let (events, keys, confirmed, isStopping) = self.state.withLock { state in
                let taken = (state.inbox, state.keys, state.confirmed, state.isStopping)
                state.inbox.removeAll(keepingCapacity: true)
                state.confirmed.removeAll(keepingCapacity: true)
                return taken
            }
            for (rack, boot) in confirmed { loop.replays.confirm(rack, boot: boot) }
            for event in events { self.carryOut(loop.handle(event), keys, &loop) }
            for pulse in loop.heardPulses(keys) { self.carryOut(loop.handle(.pulsed(pulse)), keys, &loop) }
            loop.answerARP()
            if loop.isTickDue {
                self.carryOut(loop.handle(.linkChanged(isUp: unsafe csys_interface_is_up(self.configuration.interfaceName) == 1)), keys, &loop)
                self.observeDHCP(keys, &loop)
                self.carryOut(loop.handle(.timeElapsed), keys, &loop)
            }
            self.publish(loop.core)
            if isStopping {
                self.carryOut(loop.handle(.stopping), keys, &loop)
                self.dhcp.setActive(false)
                address.remove()
                return
            }
        }
    }

    /// What DHCP knows and the succession has to: whether this rack may serve, and whether clients are heard.
    private func observeDHCP(_ keys: PulseKeys, _ loop: inout SuccessionLoop) {
        let isGranted = self.dhcp.isGranted
        if isGranted != loop.wasGranted || isGranted {
            // Asked again at each tick, so a grant is only ever believed for moments.
            self.carryOut(loop.handle(.grantChanged(remaining: isGranted ? .seconds(2) : nil)), keys, &loop)
            loop.wasGranted = isGranted
        }
        let heard = self.dhcp.counters.received
        if heard != loop.clientsHeard {
            loop.clientsHeard = heard
            self.carryOut(loop.handle(.clientHeard), keys, &loop)
        }
    }

    private func carryOut(_ effects: [SuccessionEffect], _ keys: PulseKeys, _ loop: inout SuccessionLoop) {
        for effect in effects {
            switch effect {
            case .pulse(let pulse):
                if let frame = keys.frame(of: pulse) { loop.send(pulse: frame) }
            case .serve: self.dhcp.setActive(true)
            case .silence: self.dhcp.setActive(false)
            case .announce: loop.announce()
            case .stopStarting:
                // Transfers go on by themselves: the old rack keeps the address, only without answering for it.
                self.tell(.quietened)
            case .synchronize: self.ask.yield(.synchronize(segmentID: self.segmentID))
            case .askToYield(let rack): self.ask.yield(.order(.yield, segmentID: self.segmentID, to: rack))
            case .offerHandover(let rack, _): self.ask.yield(.order(.offerHandover, segmentID: self.segmentID, to: rack))
            case .acceptHandover(let rack): self.ask.yield(.order(.acceptHandover, segmentID: self.segmentID, to: rack))
            case .report(let report): self.note(report)
            }
        }
    }

    private func note(_ report: SuccessionReport) {
        switch report {
        case .tookOver(let takeover):
            self.state.withLock { $0.view.lastTakeover = takeover }
            self.logger.notice(
                "segment taken over",
                metadata: [
                    "takeover.reason": "\(takeover.reason.rawValue)", "takeover.term": "\(takeover.term)",
                    "takeover.from": "\(takeover.from?.description ?? "nobody")", "takeover.detection": "\(takeover.detection)",
                    "takeover.claim": "\(takeover.claim)",
                ])
        case .yielded(let rack, let term):
            self.logger.notice("segment yielded", metadata: ["rack.id": "\(rack)", "takeover.term": "\(term)"])
        case .wasFrozen(let gap): self.logger.warning("this rack was not run for a while", metadata: ["gap": "\(gap)"])
        case .fenced(let reason): self.logger.warning("this rack may not answer the segment", metadata: ["reason": "\(reason.rawValue)"])
        case .linkSuspected: self.logger.warning("this rack's own link on the segment is in doubt")
        case .cannotDrain(let reason): self.logger.warning("segment not handed over", metadata: ["reason": "\(reason.rawValue)"])
        case .drained(let rack): self.logger.notice("segment handed over", metadata: ["rack.id": "\(rack)"])
        }
        self.report(report)
    }

    private func publish(_ core: SegmentCore) {
        self.state.withLock { state in
            state.view.role = core.role
            state.view.term = core.currentClaim.term
            state.view.active = core.activeRack
            state.view.standbys = core.standbys
        }
    }
}
