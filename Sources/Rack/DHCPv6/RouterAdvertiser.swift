// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Leasing
internal import NeighborDiscovery

/// What this rack's router advertisements say, and when they are due.
struct RouterAdvertiser: Sendable {
    /// The message that is due.
    private(set) var bytes: [UInt8]
    private var schedule: AdvertisementSchedule

    /// Nil where no advertisements are sent.
    init?(_ configuration: DHCPv6SegmentConfiguration, now: Instant) {
        guard configuration.routerAdvertisements else { return nil }
        self.bytes = Self.message(configuration).bytes
        self.schedule = AdvertisementSchedule(now: now.nanoseconds)
    }

    /// The same schedule with other settings, which hosts hear of soon; nil where no more advertisements are sent.
    func changed(to configuration: DHCPv6SegmentConfiguration, now: Instant) -> RouterAdvertiser? {
        guard configuration.routerAdvertisements else { return nil }
        var changed = self
        var generator = SystemRandomNumberGenerator()
        changed.bytes = Self.message(configuration).bytes
        changed.schedule.changed(now: now.nanoseconds, using: &generator)
        return changed
    }

    /// The rack is no router: it tells of the prefix, of DHCPv6 and of name servers, with a router lifetime of zero, and the network's own
    /// router, if there is one, goes on to advertise itself (RFC 4861, section 6.3.4: hosts put together what all of them say).
    static func message(_ configuration: DHCPv6SegmentConfiguration) -> RouterAdvertisement {
        var message = RouterAdvertisement()
        // Not said: the hop limit is a real router's business.
        message.hopLimit = 0
        message.isManaged = configuration.managed
        message.hasOtherConfiguration = true
        message.mtu = configuration.mtu.flatMap { UInt32(exactly: $0) }
        message.prefixes = [
            RouterAdvertisement.Prefix(
                network: configuration.network, isOnLink: true, isAutonomous: !configuration.managed,
                validSeconds: Self.prefixSeconds, preferredSeconds: Self.prefixSeconds
            )
        ]
        message.dnsServers = configuration.dnsServers
        message.searchDomains = configuration.domainName.map { [$0] } ?? []
        message.dnsLifetimeSeconds = Self.dnsSeconds
        return message
    }

    /// A prefix holds for a day after the last word of it, so that a dead rack takes nothing from its machines.
    private static let prefixSeconds: UInt32 = 86_400
    /// RFC 8106, section 5.1: three times the longest interval.
    private static let dnsSeconds: UInt32 = 1_800

    var due: Instant { Instant(nanoseconds: self.schedule.due) }

    mutating func solicited(now: Instant) {
        var generator = SystemRandomNumberGenerator()
        self.schedule.solicited(now: now.nanoseconds, using: &generator)
    }

    /// - Parameter isSent: false when the interface has no link-local address yet; it is tried again after a second.
    mutating func advertised(isSent: Bool, now: Instant) {
        var generator = SystemRandomNumberGenerator()
        if isSent {
            self.schedule.advertised(now: now.nanoseconds, using: &generator)
        } else {
            self.schedule.failed(now: now.nanoseconds)
        }
    }
}
