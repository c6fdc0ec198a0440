// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import DHCP
internal import Domain
internal import Glibc
internal import Leasing
internal import Logging
internal import Synchronization

extension DHCPService {
    func startThreads(
        sockets: DHCPSockets, journal: consuming LeaseJournal, recent: consuming RecentBindings,
        wakeups: (packets: Int32, housekeeping: Int32)
    ) throws(DHCPServiceError) {
        let journal = Handover(journal)
        let recent = Handover(recent)
        let housekeeping = try ServiceThread(named: "dhcp-journal") {
            guard let journal = journal.take() else { return }
            self.keepHouse(journal, wakeup: wakeups.housekeeping)
        }
        let packets: ServiceThread
        do {
            packets = try ServiceThread(named: "dhcp-packets") {
                guard let recent = recent.take() else { return }
                self.movePackets(sockets, recent, wakeups: wakeups)
            }
        } catch {
            self.state.withLock { $0.phase = .stopped }
            csys_eventfd_signal(wakeups.housekeeping)
            housekeeping.join()
            self.state.withLock { Self.close(&$0.wakeups) }
            throw error
        }
        var threads: Threads? = Threads(packets: packets, housekeeping: housekeeping)
        self.state.withLock { state in
            if let started = threads.take() { state.threads = started }
        }
    }

    // MARK: Packets

    /// Receives, decides, answers, in batches. Nothing in here allocates.
    private func movePackets(
        _ sockets: DHCPSockets, _ recent: consuming RecentBindings, wakeups: (packets: Int32, housekeeping: Int32)
    ) {
        var sockets = sockets
        var intake = DHCPIntake(self.state.withLock { $0.configuration.limits })
        var fresh: [AddressRecord] = []
        fresh.reserveCapacity(Int(DHCPSockets.batch))
        while true {
            let pause = intake.pause(now: Self.now).map(Self.milliseconds)
            let ready = csys_wait_readable(sockets.udp, wakeups.packets, pause ?? 2_000)
            // Only a stop writes to this descriptor.
            if ready & 2 != 0 || ready < 0 { return }
            let received = ready == 0 ? 0 : sockets.receive()
            guard received > 0 || received == 0 && pause != nil else {
                // Silence or an error: perhaps the interface is another one by now, of the same name.
                if received < 0, csys_wait_readable(-1, wakeups.packets, 100) & 2 != 0 { return }
                sockets = self.current(sockets)
                continue
            }
            let callsHouse = self.answer(received, sockets, &intake, &fresh)
            if !fresh.isEmpty {
                if !recent.write(fresh) { self.state.withLock { $0.responder?.counters.unrecorded &+= 1 } }
                fresh.removeAll(keepingCapacity: true)
            }
            let failures = sockets.send()
            if failures > 0 { self.state.withLock { $0.responder?.counters.sendFailures &+= failures } }
            if callsHouse { csys_eventfd_signal(wakeups.housekeeping) }
        }
    }

    /// Decides about one batch: what was received, as far as the limits allow, and what has waited long enough.
    ///
    /// - Parameter fresh: empty; gets the bindings that the journal does not have.
    /// - Returns: whether the housekeeping thread has to be told.
    private func answer(
        _ received: Int, _ sockets: DHCPSockets, _ intake: inout DHCPIntake, _ fresh: inout [AddressRecord]
    ) -> Bool {
        let now = Self.now
        let milliseconds = csys_wall_milliseconds()
        return self.state.withLock { state -> Bool in
            guard state.phase == .running else { return false }
            let waiting = state.waiting?.filling
            state.waiting?.sockets = sockets
            for index in 0..<received {
                guard let message = unsafe sockets.message(index), unsafe intake.admit(message, now: now) else { continue }
                unsafe sockets.answer(message, waiting: waiting) { bytes, slot in
                    unsafe state.responder?.respond(to: bytes, slot: slot, now: now, milliseconds: milliseconds) ?? nil
                }
            }
            while sockets.hasRoom, let message = unsafe intake.next(now: now) {
                unsafe sockets.answer(message, waiting: waiting) { bytes, slot in
                    unsafe state.responder?.respond(to: bytes, slot: slot, now: now, milliseconds: milliseconds) ?? nil
                }
            }
            let (delayed, dropped) = intake.takeCounts()
            state.responder?.counters.delayed &+= delayed
            state.responder?.counters.overflow &+= dropped
            state.responder?.takeFresh(&fresh)
            return Self.callHouse(&state)
        }
    }

    /// Notes that there is something to keep house for.
    ///
    /// - Returns: true when its thread has to be told.
    private static func callHouse(_ state: inout State) -> Bool {
        let isUrgent = state.responder?.core.isShort == true || state.waiting?.filling.count ?? 0 > 0
        defer {
            state.isHouseCalled = true
            state.isHouseUrgent = state.isHouseUrgent || isUrgent
        }
        return !state.isHouseCalled || isUrgent && !state.isHouseUrgent
    }

    /// Rounded up, so that nobody wakes just before the time; at most two seconds.
    private static func milliseconds(_ pause: Duration) -> Int32 {
        let (seconds, attoseconds) = pause.components
        return seconds >= 2 ? 2_000 : Int32(truncatingIfNeeded: seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1)
    }

    /// The same sockets while their interface exists; new ones when it was made anew.
    private func current(_ sockets: DHCPSockets) -> DHCPSockets {
        let configuration = self.state.withLock { $0.configuration }
        let index = unsafe csys_interface_index(configuration.interfaceName)
        guard index > 0, index != sockets.interface else { return sockets }
        do throws(DHCPServiceError) {
            let opened = try DHCPSockets(configuration)
            self.logger.notice("network interface was made anew", metadata: ["interface": "\(configuration.interfaceName)"])
            return opened
        } catch {
            self.logger.warning("network interface cannot be used yet", metadata: ["error": "\(error)"])
            return sockets
        }
    }

    // MARK: The journal and the region

    /// How long the journal and the region may not know what happened, so that one write tells of many bindings.
    private static let gatheringMilliseconds: Int32 = 5

    /// Once a second and whenever something happened: lets the core do what takes time.
    private func keepHouse(_ journal: consuming LeaseJournal, wakeup: Int32) {
        var prober = SegmentProber(self.state.withLock { $0.configuration })
        var nextProbe = Instant.distantPast
        while true {
            let wasCalled = csys_wait_readable(wakeup, -1, 1_000) > 0
            csys_eventfd_clear(wakeup)
            // Nobody waits for a binding to be written, unless its answer does.
            if wasCalled, !self.state.withLock({ $0.isHouseUrgent || $0.phase == .stopped }) {
                _ = csys_wait_readable(wakeup, -1, Self.gatheringMilliseconds)
                csys_eventfd_clear(wakeup)
            }
            let (effects, waiting, isStopping) = self.state.withLock { state in
                let now = Self.now
                state.isHouseCalled = false
                state.isHouseUrgent = false
                var effects: [LeaseEffect] = []
                for event in state.inbox { effects += state.responder?.core.handle(event, now: now) ?? [] }
                state.inbox.removeAll(keepingCapacity: true)
                effects += state.responder?.core.handle(.timeElapsed, now: now) ?? []
                // What these wait for is among the effects, or was written before.
                return (effects, state.waiting?.take(), state.phase == .stopped)
            }
            self.carryOut(effects, journal: &journal, releasing: waiting)
            if nextProbe <= Self.now, !isStopping {
                nextProbe = Self.now.advanced(bySeconds: 1)
                self.carryOut(self.probe(&prober), journal: &journal)
            }
            self.observations.wake()
            if isStopping {
                let last = self.state.withLock { $0.responder?.core.handle(.stopping, now: Self.now) ?? [] }
                self.carryOut(last, journal: &journal)
                self.observations.wake()
                return
            }
        }
    }

    /// Asks the wire who else is there, and takes note of what was heard.
    private func probe(_ prober: inout SegmentProber) -> [LeaseEffect] {
        let now = Self.now
        let (upcoming, serviceAddress) = self.state.withLock { state in
            (state.responder?.core.upcomingAddresses(ConflictProber.lookahead, now: now) ?? [], state.configuration.serviceAddress)
        }
        var effects: [LeaseEffect] = []
        for finding in prober.tick(upcoming: upcoming, serviceAddress: serviceAddress, now: now) {
            switch finding {
            case .inUse(let address, let device):
                effects += self.state.withLock { $0.responder?.core.handle(.foundInUse(address, by: device), now: now) ?? [] }
            case .doubtful(let address, let device):
                self.logger.warning(
                    "a device answers for many free addresses", metadata: ["mac": "\(device)", "lease.address": "\(address)"]
                )
            case .foreignServer(let server, let device):
                self.state.withLock { $0.responder?.noteForeignOffer(of: server, device, milliseconds: csys_wall_milliseconds()) }
            }
        }
        return effects
    }

    /// Carries effects out in their order, until none follow.
    ///
    /// - Parameter releasing: answers that go out as soon as the first of the effects are on disk.
    private func carryOut(
        _ effects: [LeaseEffect], journal: inout LeaseJournal, releasing: (answers: DHCPAnswers, sockets: DHCPSockets)? = nil
    ) {
        var effects = effects
        var waiting = releasing
        defer { self.release(&waiting) }
        while !effects.isEmpty {
            var written: UInt64 = 0
            var failure: LeaseJournalError?
            for effect in effects {
                switch effect {
                case .persist(let record, sequence: let sequence):
                    journal.append(record)
                    written = sequence
                case .rewrite(let records, sequence: let sequence):
                    do throws(LeaseJournalError) {
                        try journal.rewrite(records)
                        written = sequence
                        failure = nil
                    } catch { failure = error }
                case .send(let message): self.outbound.put(self.named(message))
                case .replicate(let replication): self.replicate.yield(replication)
                case .report(let problem): self.report(problem)
                }
            }
            guard written > 0 || failure != nil else { return }
            do throws(LeaseJournalError) {
                if failure == nil { try journal.sync() }
            } catch { failure = error }
            let event: LeaseEvent = failure == nil ? .persisted(through: written) : .persistFailed
            if let failure, failure.code != .needsRewrite {
                self.logger.error("lease journal not written", metadata: ["error": "\(failure)"])
            }
            effects = self.state.withLock { $0.responder?.core.handle(event, now: Self.now) ?? [] }
            self.release(&waiting)
        }
    }

    /// Sends the answers that waited, unless the journal could not be written: their clients ask again.
    private func release(_ waiting: inout (answers: DHCPAnswers, sockets: DHCPSockets)?) {
        guard let (answers, sockets) = waiting.take() else { return }
        var failures = 0
        if self.state.withLock({ $0.responder?.core.storageFailed == false }) {
            failures = answers.send(through: sockets)
        } else {
            answers.discard()
        }
        self.state.withLock { state in
            state.responder?.counters.sendFailures &+= failures
            state.waiting?.giveBack(answers)
        }
    }

    /// Adds the names that the configuration gives to machines.
    private func named(_ message: LeaseRackMessage) -> LeaseRackMessage {
        guard case .report(var report) = message else { return message }
        let reservations = self.state.withLock { $0.configuration.reservations }
        for index in report.entries.indices {
            guard let client = report.entries[index].client else { continue }
            report.entries[index].hostname = reservations[client]?.hostname
        }
        return .report(report)
    }

    private func report(_ problem: LeaseProblem) {
        switch problem {
        case .storageFailed: self.logger.error("lease journal failed: no new addresses are given out")
        case .storageRecovered: self.logger.notice("lease journal works again")
        case .contradiction(let token):
            self.logger.error("contradiction about an address", metadata: ["lease.address": "\(token.address)"])
        case .declined(let token):
            self.logger.warning("address declined: something else uses it", metadata: ["lease.address": "\(token.address)"])
        case .inUse(let token, by: let device):
            self.logger.warning(
                "free address in use by something else", metadata: ["lease.address": "\(token.address)", "mac": "\(device)"]
            )
        case .tooManyAddresses: self.logger.warning("more addresses than a segment may have")
        }
    }
}
