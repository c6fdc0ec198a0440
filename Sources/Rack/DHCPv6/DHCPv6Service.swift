// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import Glibc
internal import Leasing
public import LeasingV6
public import Logging
internal import Synchronization

/// DHCPv6 and router advertisements on one segment: answers from this rack's own memory, whatever the regions do.
///
/// One thread. It needs neither a journal nor a region's grant: an address is a function of this rack's number and the client
/// (`AddressRule`), so a restart forgets nothing that cannot be verified again.
public final class DHCPv6Service: Sendable {
    /// What happened on the segment.
    public let observations: DHCPv6Observations

    let logger: Logger
    let state: Mutex<State>

    struct State: ~Copyable {
        var configuration: DHCPv6SegmentConfiguration
        var phase = Phase.idle
        var responder: DHCPv6Responder?
        var thread: ServiceThread?
        var wakeup: Int32 = -1
        /// The settings are other ones than the thread works by.
        var isChanged = false
    }

    enum Phase {
        case idle, running, stopped
    }

    public init(configuration: DHCPv6SegmentConfiguration, logger: Logger) {
        var logger = logger
        logger[metadataKey: "segment.id"] = "\(configuration.segmentID)"
        self.logger = logger
        self.observations = DHCPv6Observations(capacity: 4_096)
        self.state = Mutex(State(configuration: configuration))
    }

    /// Opens the sockets and starts to serve.
    ///
    /// - Throws: `DHCPServiceError`.
    public func start() throws(DHCPServiceError) {
        let configuration = self.state.withLock { $0.phase == .idle ? $0.configuration : nil }
        guard let configuration else { throw DHCPServiceError(.wrongState, "the service runs already, or is stopped") }
        let segment = try configuration.leaseSegment()
        let sockets = Handover(try DHCPv6Sockets(configuration))
        let wakeup = csys_eventfd_create()
        guard wakeup >= 0 else { throw DHCPServiceError(.resources, "no event descriptor") }
        self.state.withLock { state in
            state.responder = DHCPv6Responder(
                core: LeaseCoreV6(segment: segment), template: DHCPv6ReplyTemplate(configuration), observations: self.observations
            )
            state.wakeup = wakeup
            state.phase = .running
        }
        do throws(DHCPServiceError) {
            let started = try ServiceThread {
                guard let sockets = sockets.take() else { return }
                self.serve(sockets, wakeup: wakeup)
            }
            var thread: ServiceThread? = consume started
            self.state.withLock { $0.thread = thread.take() }
        } catch {
            self.stop()
            throw error
        }
        self.logger.notice(
            "DHCPv6 service started",
            metadata: ["interface": "\(configuration.interfaceName)", "service.address": "\(configuration.serviceAddress)"]
        )
    }

    /// Stops to serve.
    public func stop() {
        var wakeup: Int32 = -1
        var thread = self.state.withLock { state -> ServiceThread? in
            state.phase = .stopped
            swap(&wakeup, &state.wakeup)
            if wakeup >= 0 { csys_eventfd_signal(wakeup) }
            return state.thread.take()
        }
        thread.take()?.join()
        if wakeup >= 0 { close(wakeup) }
        self.observations.finish()
    }

    /// Serves by another configuration of the same segment on the same interface.
    ///
    /// - Throws: `configuration`; then the old one stays.
    public func apply(_ configuration: DHCPv6SegmentConfiguration) throws(DHCPServiceError) {
        let segment = try configuration.leaseSegment()
        self.state.withLock { state in
            guard configuration != state.configuration else { return }
            guard configuration.segmentID == state.configuration.segmentID, configuration.interfaceName == state.configuration.interfaceName
            else { return self.logger.error("another segment or interface needs another service") }
            state.configuration = configuration
            guard state.phase == .running else { return }
            state.responder?.template = DHCPv6ReplyTemplate(configuration)
            state.responder?.core.reconfigure(segment)
            state.isChanged = true
            csys_eventfd_signal(state.wakeup)
        }
    }

    /// False: this rack stands by, listens and answers nothing.
    public func setActive(_ isActive: Bool) {
        self.state.withLock { $0.responder?.isActive = isActive }
    }

    /// The bindings known here, by address.
    public func leases() -> [BindingViewV6] {
        self.state.withLock { $0.responder?.core.leases(now: Self.now) ?? [] }
    }

    public var counters: DHCPv6Counters {
        self.state.withLock { $0.responder?.counters ?? DHCPv6Counters() }
    }

    static var now: Instant { Instant(nanoseconds: csys_boot_nanoseconds()) }
}
