// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import BMC
internal import CSys
internal import ClusterMessages
internal import Domain
internal import Leasing
internal import Logging
internal import Succession

/// A rack's state: the segments that it serves, as the region's last configuration says.
actor RackController {
    private let rack: SystemID
    private let settings: RackSettings
    private let answers: BootAnswers
    /// Told the images to have, and the other racks to have them from.
    private let images: @Sendable ([String], [String]) -> Void
    private let logger: Logger
    private var segments: [Int: DHCPService] = [:]
    private var successions: [Int: SuccessionService] = [:]
    /// Links to the racks that share segments with this one, and what tells its runs apart.
    private let peers: PeerLinks
    private let boot: UInt64
    private var isDrained = false
    private var ipv6: IPv6Segments
    private let reports: AsyncStream<RackObservation>.Continuation
    /// What changed on shared segments; at most 256 wait, the newest.
    nonisolated let successionReports: AsyncStream<RackObservation>
    private let segmentsChanged: AsyncStream<DHCPService>.Continuation
    /// Every segment's service, once it serves: whoever reads this forwards its messages.
    nonisolated let newSegments: AsyncStream<DHCPService>
    /// The same for IPv6.
    nonisolated let newIPv6Segments: AsyncStream<DHCPv6Service>

    init(
        rack: SystemID, settings: RackSettings, answers: BootAnswers, peers: PeerLinks, boot: UInt64,
        images: @escaping @Sendable ([String], [String]) -> Void, logger: Logger
    ) {
        self.rack = rack
        self.settings = settings
        self.answers = answers
        self.peers = peers
        self.boot = boot
        self.images = images
        self.logger = logger
        self.ipv6 = IPv6Segments(settings: settings, logger: logger)
        self.newIPv6Segments = self.ipv6.new
        (self.successionReports, self.reports) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(256))
        (self.newSegments, self.segmentsChanged) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(256))
    }

    /// Makes the rack serve what the configuration says, and nothing else.
    func apply(_ configuration: RackConfiguration) -> RackConfigurationApplied {
        var problems: [String] = []
        self.answers.replace(
            intents: configuration.bootIntents, enlistment: configuration.enlistIntent, loaders: configuration.bootFiles,
            otherEnlistments: configuration.otherEnlistIntents ?? [:]
        )
        self.images(configuration.images.map(\.sha256), configuration.siblings ?? [])
        let wanted = Set(configuration.segments.map(\.vlanID))
        self.peers.apply(configuration.peers ?? [])
        for (id, service) in self.segments where !wanted.contains(id) {
            self.leaveSuccession(of: id)
            service.stop()
            self.segments[id] = nil
            self.logger.notice("segment no longer served", metadata: ["segment.id": "\(id)"])
        }
        for segment in configuration.segments {
            do {
                try self.serve(segment, bootFiles: DHCPBootFiles(available: configuration.bootFiles.keys))
            } catch {
                problems.append("segment \(segment.vlanID) on \(segment.interfaceName): \(error)")
            }
        }
        self.drain(configuration.isDrained ?? false)
        problems += self.ipv6.apply(configuration.segments)
        return RackConfigurationApplied(digest: configuration.digest, problems: problems)
    }

    private func serve(_ segment: SegmentConfiguration, bootFiles: DHCPBootFiles) throws {
        var configuration = self.dhcpConfiguration(segment)
        configuration.bootFiles = bootFiles
        if let service = self.segments[segment.vlanID] {
            service.apply(configuration)
            return try self.share(segment, service)
        }
        let service = DHCPService(
            configuration: configuration, journalDirectory: "\(self.settings.stateDirectory)/leases",
            durability: self.settings.leaseDurability, logger: self.logger
        )
        try service.start()
        // Before any grant it answers nobody; whether it may is the succession's word from then on.
        if segment.succession != nil { service.setActive(false) }
        self.segments[segment.vlanID] = service
        self.segmentsChanged.yield(service)
        try self.share(segment, service)
        self.logger.notice(
            "segment served",
            metadata: ["segment.id": "\(segment.vlanID)", "interface": "\(segment.interfaceName)", "service.address": "\(segment.serviceAddress)"]
        )
    }

    /// Takes part in the succession of a segment that racks share, and in none otherwise.
    private func share(_ segment: SegmentConfiguration, _ service: DHCPService) throws {
        guard let succession = segment.succession else {
            guard self.successions[segment.vlanID] != nil else { return }
            self.leaveSuccession(of: segment.vlanID)
            return service.setActive(true)
        }
        if let known = self.successions[segment.vlanID] {
            guard known.isFor(segment) else {
                self.leaveSuccession(of: segment.vlanID)
                return try self.share(segment, service)
            }
            self.peers.update(segmentID: segment.vlanID, racks: succession.racks)
            return known.apply(succession)
        }
        service.setActive(false)
        let shared = SuccessionService(
            configuration: SuccessionConfiguration(
                segmentID: segment.vlanID, rack: self.rack, interfaceName: segment.interfaceName, serviceAddress: segment.serviceAddress,
                succession: succession),
            boot: self.boot, dhcp: service, logger: self.logger
        ) { [rack = self.rack, reports = self.reports] report in
            let now = Timestamp(microseconds: csys_wall_milliseconds() * 1000)
            reports.yield(ObservationText.observation(report, segment: segment, rack: rack, now: now))
        }
        try shared.start()
        self.successions[segment.vlanID] = shared
        self.peers.add(PeerLinks.Segment(succession: shared, dhcp: service, others: succession.racks.filter { $0 != self.rack }))
    }

    private func leaveSuccession(of segmentID: Int) {
        self.peers.remove(segmentID: segmentID)
        self.successions.removeValue(forKey: segmentID)?.stop()
    }

    /// Takes this rack off its shared segments, or back on them.
    private func drain(_ isWished: Bool) {
        guard isWished != self.isDrained else { return }
        self.isDrained = isWished
        for succession in self.successions.values { succession.tell(isWished ? .drainRequested : .undrainRequested) }
    }

    /// What this rack knows of its shared segments.
    var segmentStatus: [SegmentStatus] {
        self.successions.sorted { $0.key < $1.key }.map { id, succession in
            let view = succession.view
            return SegmentStatus(
                segmentID: id, role: "\(view.role)", term: view.term, active: view.active, standbys: view.standbys,
                leases: self.segments[id]?.statistics.bound ?? 0, lastReason: view.lastTakeover?.reason.rawValue,
                lastGapMilliseconds: view.lastTakeover.map { Int(($0.detection + $0.claim) / .milliseconds(1)) })
        }
    }

    private func dhcpConfiguration(_ segment: SegmentConfiguration) -> DHCPSegmentConfiguration {
        var reservations: [MACAddress: ReservedAddress] = [:]
        for reservation in segment.reservations {
            reservations[reservation.macAddress] = ReservedAddress(address: reservation.address, hostname: reservation.hostname)
        }
        var configuration = DHCPSegmentConfiguration(
            segmentID: segment.vlanID, rack: self.rack, interfaceName: segment.interfaceName, serviceAddress: segment.serviceAddress,
            subnet: segment.network
        )
        configuration.gateway = segment.gateway
        configuration.dnsServers = segment.dnsServers
        configuration.domainName = segment.domainName
        configuration.domainSearch = [segment.domainName]
        configuration.ntpServers = segment.ntpServers ?? []
        configuration.mtu = segment.mtu
        configuration.leaseSeconds = segment.leaseSeconds
        configuration.httpPort = self.settings.httpPort
        configuration.limits = self.settings.dhcpLimits
        configuration.reservations = reservations
        return configuration
    }

    /// Hands the lease authority's word to its segment.
    func receive(_ message: LeaseAuthorityMessage) {
        self.segments[message.segmentID]?.receive(message)
    }

    func stop() {
        // Successors take over before this rack stops to answer.
        for id in self.successions.keys.sorted() { self.leaveSuccession(of: id) }
        for service in self.segments.values { service.stop() }
        self.segments = [:]
        self.ipv6.stop()
        self.segmentsChanged.finish()
        self.reports.finish()
    }
}
