// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import BMC
internal import ClusterMessages
internal import Domain
internal import Leasing
internal import Logging

/// A rack's state: the segments that it serves, as the region's last configuration says.
actor RackController {
    private let rack: SystemID
    private let settings: RackSettings
    private let answers: BootAnswers
    /// Told the images to have, and the other racks to have them from.
    private let images: @Sendable ([String], [String]) -> Void
    private let logger: Logger
    private var segments: [Int: DHCPService] = [:]
    private let segmentsChanged: AsyncStream<DHCPService>.Continuation
    /// Every segment's service, once it serves: whoever reads this forwards its messages.
    nonisolated let newSegments: AsyncStream<DHCPService>

    init(
        rack: SystemID, settings: RackSettings, answers: BootAnswers, images: @escaping @Sendable ([String], [String]) -> Void, logger: Logger
    ) {
        self.rack = rack
        self.settings = settings
        self.answers = answers
        self.images = images
        self.logger = logger
        (self.newSegments, self.segmentsChanged) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(256))
    }

    /// Makes the rack serve what the configuration says, and nothing else.
    func apply(_ configuration: RackConfiguration) -> RackConfigurationApplied {
        var problems: [String] = []
        self.answers.replace(
            intents: configuration.bootIntents, enlistment: configuration.enlistIntent, loaders: configuration.bootFiles
        )
        self.images(configuration.images.map(\.sha256), configuration.siblings ?? [])
        let wanted = Set(configuration.segments.map(\.vlanID))
        for (id, service) in self.segments where !wanted.contains(id) {
            service.stop()
            self.segments[id] = nil
            self.logger.notice("segment no longer served", metadata: ["segment.id": "\(id)"])
        }
        for segment in configuration.segments {
            do {
                try self.serve(segment)
            } catch {
                problems.append("segment \(segment.vlanID) on \(segment.interfaceName): \(error)")
            }
        }
        return RackConfigurationApplied(digest: configuration.digest, problems: problems)
    }

    private func serve(_ segment: SegmentConfiguration) throws {
        let configuration = self.dhcpConfiguration(segment)
        if let service = self.segments[segment.vlanID] {
            service.apply(configuration)
            return
        }
        let service = DHCPService(
            configuration: configuration, journalDirectory: "\(self.settings.stateDirectory)/leases",
            durability: self.settings.leaseDurability, logger: self.logger
        )
        try service.start()
        self.segments[segment.vlanID] = service
        self.segmentsChanged.yield(service)
        self.logger.notice(
            "segment served",
            metadata: ["segment.id": "\(segment.vlanID)", "interface": "\(segment.interfaceName)", "service.address": "\(segment.serviceAddress)"]
        )
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
        configuration.reservations = reservations
        return configuration
    }

    /// Hands the lease authority's word to its segment.
    func receive(_ message: LeaseAuthorityMessage) {
        self.segments[message.segmentID]?.receive(message)
    }

    func stop() {
        for service in self.segments.values { service.stop() }
        self.segments = [:]
        self.segmentsChanged.finish()
    }
}
