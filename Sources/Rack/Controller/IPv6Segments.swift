// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain
internal import Logging

/// The segments that a rack serves over IPv6; owned by its controller.
struct IPv6Segments {
    private let settings: RackSettings
    private let logger: Logger
    private var services: [Int: DHCPv6Service] = [:]
    private let changed: AsyncStream<DHCPv6Service>.Continuation
    /// Every segment's service, once it serves: whoever reads this collects its observations.
    let new: AsyncStream<DHCPv6Service>

    init(settings: RackSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
        (self.new, self.changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(256))
    }

    /// Serves these segments, and no others.
    ///
    /// - Returns: what could not be done, for the operator.
    mutating func apply(_ segments: [SegmentConfiguration]) -> [String] {
        let wanted = segments.compactMap { segment in segment.ipv6.map { self.configuration(segment, $0) } }
        for (id, service) in self.services where !wanted.contains(where: { $0.segmentID == id }) {
            service.stop()
            self.services[id] = nil
        }
        var problems: [String] = []
        for configuration in wanted {
            do throws(DHCPServiceError) {
                try self.serve(configuration)
            } catch {
                problems.append("segment \(configuration.segmentID) over IPv6 on \(configuration.interfaceName): \(error)")
            }
        }
        return problems
    }

    private mutating func serve(_ configuration: DHCPv6SegmentConfiguration) throws(DHCPServiceError) {
        if let service = self.services[configuration.segmentID] { return try service.apply(configuration) }
        let service = DHCPv6Service(configuration: configuration, logger: self.logger)
        try service.start()
        self.services[configuration.segmentID] = service
        self.changed.yield(service)
    }

    private func configuration(_ segment: SegmentConfiguration, _ ipv6: SegmentIPv6Configuration) -> DHCPv6SegmentConfiguration {
        var configuration = DHCPv6SegmentConfiguration(
            segmentID: segment.vlanID, interfaceName: segment.interfaceName, serviceAddress: ipv6.serviceAddress, network: ipv6.network,
            rackNumber: ipv6.rackNumber
        )
        configuration.dnsServers = ipv6.dnsServers
        configuration.domainName = segment.domainName
        configuration.leaseSeconds = segment.leaseSeconds
        configuration.managed = ipv6.managed
        configuration.routerAdvertisements = ipv6.routerAdvertisements
        configuration.httpPort = self.settings.httpPort
        configuration.reservations = Dictionary(ipv6.reservations.map { ($0.macAddress, $0.address) }) { first, _ in first }
        return configuration
    }

    mutating func stop() {
        for service in self.services.values { service.stop() }
        self.services = [:]
        self.changed.finish()
    }
}
