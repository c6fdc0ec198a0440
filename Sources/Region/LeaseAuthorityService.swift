// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterLink
internal import ClusterMessages
internal import Domain
internal import Leasing
internal import Logging
internal import PostgresStorage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// The region's half of address safety: mints tokens and serving grants for each segment. The authority is one row a segment
/// in the database; whichever region gets a rack's message locks the row, decides, stores, and only then sends.
struct LeaseAuthorityService: Sendable {
    var store: Store
    var racks: RackDirectory
    var logger: Logger

    /// Takes in a rack's message, and stores reported leases for people and for the metadata service.
    ///
    /// - Throws: `LinkRefusal` when the message is in another rack's name.
    func received(_ message: LeaseRackMessage, from rack: SystemID) async throws {
        guard message.rack == rack else { throw LinkRefusal(.handlerFailed, "rack \(rack) speaks in the name of \(message.rack)") }
        if case .report(let report) = message { try await self.storeLeases(report) }
        try await self.handle([.received(message)], segment: message.segmentID)
    }

    /// Keeps pools and ensembles as the networks say, and lets time pass.
    func run() async {
        await PeriodicActivation(store: self.store, channels: [.configuration], period: .seconds(5)).run { await self.activate() }
    }

    private func activate() async {
        do {
            let (vlans, subnets, ranges, machines, ensembles) = try await self.store.read { transaction in
                let vlans = try await transaction.vlans()
                return (
                    vlans, try await transaction.subnets(), try await transaction.ipRanges(), try await transaction.machines(),
                    try await SegmentPlacement.ensembles(vlans, transaction)
                )
            }
            let addresses = StaticAddresses(machines: machines, subnets: subnets)
            for vlan in vlans where vlan.dhcpOn {
                let ids = Set(subnets.filter { $0.vlanID == vlan.id }.map(\.id))
                let pool = ranges.filter { $0.kind == .dynamic && ids.contains($0.subnetID) }.sorted { $0.start < $1.start }
                let wishes = addresses.reservations(vlanID: vlan.id).map { ReservationWish(client: $0.macAddress, address: $0.address) }
                let events: [LeaseAuthorityEvent] = [
                    .poolChanged(ranges: pool.map { AddressRange(first: $0.start, last: $0.end) }, reservations: wishes),
                    .ensembleChanged(ensembles[vlan.id] ?? []),
                    .timeElapsed,
                ]
                try await self.handle(events, segment: vlan.id)
            }
        } catch {
            self.logger.warning("lease authority not run", metadata: ["error": "\(error)"])
        }
    }

    /// Time is the database's: regions' clocks may differ, and a grant that one of them gave must not end early for another one.
    private func handle(_ events: [LeaseAuthorityEvent], segment: Int) async throws {
        let effects = try await self.store.transaction { transaction in
            let stored = try await transaction.authoritySnapshot(vlanID: segment)
            var authority = try stored.map { try JSONDecoder().decode(LeaseAuthority.self, from: Data($0)) } ?? LeaseAuthority(segmentID: segment)
            authority.hasChanges = false
            let now = Instant(nanoseconds: try await transaction.databaseClock().microseconds * 1000)
            // Before all else: nothing may be decided on generations that a promotion or restoration has lost (rule R11).
            let restored = LeaseAuthorityEvent.databaseRestored(timeline: try await transaction.databaseTimeline())
            let effects = ([restored] + events).flatMap { authority.handle($0, now: now) }
            if authority.hasChanges {
                let isPublished = effects.contains { if case .reservationsChanged = $0 { true } else { false } }
                try await transaction.setAuthoritySnapshot(
                    try [UInt8](JSONEncoder().encode(authority)), vlanID: segment, isPublished: isPublished)
            }
            return effects
        }
        for effect in effects {
            guard case .send(let message, let rack) = effect, let entry = self.racks[rack] else { continue }
            do {
                _ = try await entry.peer.send(LeaseAuthorityOrder(message), deadline: .seconds(10))
            } catch {
                // Every message of the authority may be lost: the rack asks again.
                self.logger.debug("lease order not delivered", metadata: ["rack.id": "\(rack)", "error": "\(error)"])
            }
        }
    }

    /// What racks may hand out as reserved on a segment.
    static func reservations(vlanID: Int, _ transaction: StoreTransaction) async throws -> [Reservation] {
        guard let stored = try await transaction.publishedAuthority(vlanID: vlanID) else { return [] }
        return try JSONDecoder().decode(LeaseAuthority.self, from: Data(stored)).reservations
    }

    private func storeLeases(_ report: LeaseReport) async throws {
        let now = WallClock.now
        try await self.store.transaction { transaction in
            var bound: [Lease] = []
            for entry in report.entries {
                switch entry.state {
                case .bound:
                    guard let client = entry.client else { continue }
                    bound.append(
                        Lease(
                            vlanID: report.segmentID, address: entry.address, macAddress: client, generation: Int(entry.generation),
                            hostname: entry.hostname ?? "", expires: now.advanced(by: .seconds(entry.remainingSeconds)), updated: now
                        )
                    )
                case .released, .declined, .undecided:
                    try await transaction.removeLease(vlanID: report.segmentID, address: entry.address)
                }
            }
            try await transaction.upsert(bound)
        }
    }
}
