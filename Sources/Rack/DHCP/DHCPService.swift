// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import Glibc
public import Leasing
public import Logging
internal import Synchronization

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// DHCP on one segment (RFC 2131): answers from this rack's own memory, whatever the regions do.
///
/// Two threads: one only moves packets, the other writes the journal and tells the region. They share the state under a lock that neither
/// holds while it waits. Nothing is served before a region granted it (rule R9).
public final class DHCPService: Sendable {
    /// Messages for the region, in order.
    public let outbound: DHCPOutbound
    /// Bindings for the segment's other racks. At most 256 messages wait; the oldest are dropped, because renewals repeat them.
    public let replications: AsyncStream<BindingReplication>
    /// What happened on the segment.
    public let observations: DHCPObservations

    let terms: LeaseTerms
    let journalDirectory: String
    private let flush: LeaseJournal.Flush
    let durability: LeaseDurability
    let logger: Logger
    let state: Mutex<State>
    let replicate: AsyncStream<BindingReplication>.Continuation

    /// The most events that wait for the housekeeping thread; more are dropped, and their senders repeat them.
    static let maximumInbox = 1_024

    struct State: ~Copyable {
        var configuration: DHCPSegmentConfiguration
        var phase = Phase.idle
        var responder: DHCPResponder?
        /// Nil while no answer ever waits for the disk.
        var waiting: WaitingAnswers?
        var inbox: [LeaseEvent] = []
        /// Whether the housekeeping thread has been called, and whether somebody waits for it.
        var isHouseCalled = false
        var isHouseUrgent = false
        var newTemplate: DHCPReplyTemplate?
        var threads = Threads()
        /// Counters of an earlier run.
        var wakeups: (packets: Int32, housekeeping: Int32) = (-1, -1)
    }

    struct Threads: ~Copyable {
        var packets: ServiceThread?
        var housekeeping: ServiceThread?
    }

    enum Phase {
        case idle, running, stopped
    }

    /// - Parameters:
    ///   - journalDirectory: where the segment's leases are kept; made when it is missing. Its loss costs addresses for a while,
    ///     never safety.
    ///   - durability: what a binding survives once its client knows of it.
    public convenience init(
        configuration: DHCPSegmentConfiguration, journalDirectory: String, durability: LeaseDurability = .process,
        terms: LeaseTerms = .standard, logger: Logger
    ) {
        self.init(
            configuration: configuration, journalDirectory: journalDirectory, durability: durability, terms: terms, flush: { fdatasync($0) },
            logger: logger)
    }

    init(
        configuration: DHCPSegmentConfiguration, journalDirectory: String, durability: LeaseDurability = .process, terms: LeaseTerms,
        flush: @escaping LeaseJournal.Flush, logger: Logger
    ) {
        self.terms = terms
        self.journalDirectory = journalDirectory
        self.flush = flush
        self.durability = durability
        var logger = logger
        logger[metadataKey: "segment.id"] = "\(configuration.segmentID)"
        self.logger = logger
        self.outbound = DHCPOutbound(segmentID: configuration.segmentID, rack: configuration.rack)
        self.observations = DHCPObservations(capacity: 4_096)
        (self.replications, self.replicate) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(256))
        self.state = Mutex(State(configuration: configuration))
    }

    /// Opens the journal and the sockets and starts to listen.
    ///
    /// - Throws: `DHCPServiceError`.
    public func start() throws(DHCPServiceError) {
        let configuration = self.state.withLock { $0.phase == .idle ? $0.configuration : nil }
        guard let configuration else { throw DHCPServiceError(.wrongState, "the service runs already, or is stopped") }
        let sockets = try DHCPSockets(configuration)
        var records: [LeaseRecord] = []
        let journal = try self.openJournal(configuration.segmentID, records: &records)
        var found: [AddressRecord] = []
        let recent = try self.openRecent(configuration.segmentID, found: &found)
        let core = LeaseCore(
            segment: configuration.leaseSegment, rack: configuration.rack, terms: self.terms, journal: UInt64.random(in: .min ... .max),
            incarnation: UInt64.random(in: .min ... .max), records: records, recent: found, now: Self.now
        )
        let responder = DHCPResponder(
            core: core, template: DHCPReplyTemplate(configuration), observations: self.observations, durability: self.durability
        )
        let waiting = self.durability == .disk ? try WaitingAnswers() : nil
        let wakeups = (packets: csys_eventfd_create(), housekeeping: csys_eventfd_create())
        guard wakeups.packets >= 0, wakeups.housekeeping >= 0 else { throw DHCPServiceError(.resources, "no event descriptors") }
        self.state.withLock { state in
            state.responder = responder
            state.waiting = waiting
            state.inbox = [.started]
            state.wakeups = wakeups
            state.phase = .running
        }
        try self.startThreads(sockets: sockets, journal: journal, recent: recent, wakeups: wakeups)
        self.logger.notice(
            "DHCP service started",
            metadata: ["interface": "\(configuration.interfaceName)", "service.address": "\(configuration.serviceAddress)"]
        )
    }

    private func openJournal(_ segmentID: Int, records: inout [LeaseRecord]) throws(DHCPServiceError) -> LeaseJournal {
        do {
            try FileManager.default.createDirectory(atPath: self.journalDirectory, withIntermediateDirectories: true)
        } catch {
            throw DHCPServiceError(.journal, "\(self.journalDirectory): \(error)")
        }
        let path = "\(self.journalDirectory)/segment-\(segmentID).leases"
        do {
            return try LeaseJournal.open(path: path, records: &records, flush: self.flush)
        } catch {
            guard error.code == .damaged else { throw DHCPServiceError(.journal, error.message) }
            // With a new identity the region knows that what this rack held is lost, and recycles it.
            self.logger.error("lease journal damaged, begun anew", metadata: ["error": "\(error)"])
            records = []
            do {
                try LeaseJournal.setAside(path: path)
                return try LeaseJournal.open(path: path, records: &records, flush: self.flush)
            } catch {
                throw DHCPServiceError(.journal, error.message)
            }
        }
    }

    private func openRecent(_ segmentID: Int, found: inout [AddressRecord]) throws(DHCPServiceError) -> RecentBindings {
        do {
            return try RecentBindings.open(path: "\(self.journalDirectory)/segment-\(segmentID).recent", found: &found)
        } catch {
            throw DHCPServiceError(.journal, error.message)
        }
    }

    /// Stops to serve, and ends the journal in order. Waits for the threads: up to one write to the disk.
    public func stop() {
        var threads = self.state.withLock { state -> Threads? in
            guard state.phase == .running else {
                state.phase = .stopped
                return nil
            }
            state.phase = .stopped
            csys_eventfd_signal(state.wakeups.packets)
            csys_eventfd_signal(state.wakeups.housekeeping)
            var threads = Threads()
            swap(&threads, &state.threads)
            return threads
        }
        threads?.packets.take()?.join()
        threads?.housekeeping.take()?.join()
        if threads != nil { self.state.withLock { Self.close(&$0.wakeups) } }
        self.outbound.finish()
        self.observations.finish()
        self.replicate.finish()
        self.logger.notice("DHCP service stopped")
    }

    // MARK: What the rack tells the service

    /// Serves by another configuration of the same segment on the same interface; the next packet is answered by it.
    public func apply(_ configuration: DHCPSegmentConfiguration) {
        self.state.withLock { state in
            guard configuration != state.configuration else { return }
            guard configuration.segmentID == state.configuration.segmentID, configuration.interfaceName == state.configuration.interfaceName
            else { return self.logger.error("another segment or interface needs another service") }
            state.configuration = configuration
            guard state.phase == .running else { return }
            state.responder?.template = DHCPReplyTemplate(configuration)
            _ = state.responder?.core.handle(.reconfigured(configuration.leaseSegment), now: Self.now)
            csys_eventfd_signal(state.wakeups.housekeeping)
        }
    }

    /// Takes in the region's word.
    public func receive(_ message: LeaseAuthorityMessage) {
        self.post(.received(message))
    }

    public func receive(tokens: TokenGrant) {
        self.post(.received(.tokens(tokens)))
    }

    /// Takes in what another rack of the segment bound.
    public func receive(_ replication: BindingReplication) {
        self.post(.replicated(replication))
    }

    /// False: this rack stands by, listens and answers nothing.
    public func setActive(_ isActive: Bool) {
        self.post(.activated(isActive))
    }

    /// True: other racks want to know the bindings.
    public func setPeersPresent(_ present: Bool) {
        self.post(.peersChanged(present: present))
    }

    /// Takes a report back that the region did not get.
    public func requeue(_ report: LeaseReport) {
        self.outbound.putBack(report)
    }

    private func post(_ event: LeaseEvent) {
        self.state.withLock { state in
            guard state.phase == .running, state.inbox.count < Self.maximumInbox else { return }
            state.inbox.append(event)
            state.isHouseUrgent = true
            csys_eventfd_signal(state.wakeups.housekeeping)
        }
    }

    // MARK: What the service knows

    /// The bindings known here, by address.
    public func leases() -> [BindingView] {
        self.state.withLock { $0.responder?.core.bindings(now: Self.now) ?? [] }
    }

    public var statistics: LeaseStatistics {
        self.state.withLock { $0.responder?.core.statistics(now: Self.now) ?? LeaseStatistics() }
    }

    /// How many more addresses this rack could use.
    public var tokenDemand: Int {
        self.state.withLock { $0.responder?.core.tokenDemand ?? 0 }
    }

    /// True while a region's grant to serve lasts.
    public var isGranted: Bool {
        self.state.withLock { $0.responder?.core.isGranted(now: Self.now) ?? false }
    }

    public var counters: DHCPCounters {
        self.state.withLock { $0.responder?.counters ?? DHCPCounters() }
    }

    static func close(_ wakeups: inout (packets: Int32, housekeeping: Int32)) {
        if wakeups.packets >= 0 { Glibc.close(wakeups.packets) }
        if wakeups.housekeeping >= 0 { Glibc.close(wakeups.housekeeping) }
        wakeups = (-1, -1)
    }

    static var now: Instant { Instant(nanoseconds: csys_boot_nanoseconds()) }
}
