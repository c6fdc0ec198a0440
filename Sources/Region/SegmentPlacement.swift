// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Logging
internal import OpenSSL
internal import Placement
internal import PostgresStorage
internal import Succession

/// Decides which racks share which segments, in which order, and by which address machines know them.
struct SegmentPlacement: Sendable {
    var store: Store
    var logger: Logger

    /// The bytes of a segment's secret.
    private static let secretLength = 32

    func run() async {
        await PeriodicActivation(store: self.store, channels: [.configuration], period: .seconds(5)).run { await self.activate() }
    }

    func activate() async {
        do {
            try await self.store.transaction { transaction in
                let vlans = try await transaction.vlans()
                let known = Dictionary(try await transaction.segmentServices().map { ($0.vlanID, $0) }, uniquingKeysWith: { first, _ in first })
                let ensembles = try await Self.ensembles(vlans, transaction)
                for vlan in vlans {
                    let racks = ensembles[vlan.id] ?? []
                    if racks.count > 1 {
                        try await self.share(vlan, racks, known[vlan.id], transaction)
                    } else if known[vlan.id] != nil {
                        try await transaction.removeSegmentService(vlanID: vlan.id)
                    }
                }
            }
        } catch {
            self.logger.warning("segments not placed", metadata: ["error": "\(error)"])
        }
    }

    /// The racks of every VLAN on which Gantry serves DHCP.
    static func ensembles(_ vlans: [VLAN], _ transaction: StoreTransaction) async throws -> [Int: [SystemID]] {
        let subnets = try await transaction.subnets()
        let controllers = try await transaction.controllers(kind: .rack)
        var ensembles: [Int: [SystemID]] = [:]
        for vlan in vlans where vlan.dhcpOn {
            ensembles[vlan.id] = Ensemble.racks(of: vlan, subnets: subnets, controllers: controllers) {
                SuccessionList.score(segment: vlan.id, rack: $0)
            }
        }
        return ensembles
    }

    private func share(_ vlan: VLAN, _ racks: [SystemID], _ known: SegmentService?, _ transaction: StoreTransaction) async throws {
        if var service = known {
            guard service.racks != racks else { return }
            service.racks = racks
            service.version += 1
            return try await transaction.set(service)
        }
        guard let address = try await self.address(on: vlan, transaction) else {
            self.logger.warning("segment cannot be shared: no address is free for it", metadata: ["segment.id": "\(vlan.id)"])
            return
        }
        let secret = SecureRandom.bytes(Self.secretLength)
        try await transaction.set(SegmentService(vlanID: vlan.id, address: address, secret: secret, version: 1, racks: racks))
        self.logger.notice("segment is shared", metadata: ["segment.id": "\(vlan.id)", "service.address": "\(address)"])
    }

    private func address(on vlan: VLAN, _ transaction: StoreTransaction) async throws -> IPv4Address? {
        let subnets = try await transaction.subnets().filter { $0.vlanID == vlan.id }.sorted { $0.id < $1.id }
        guard let subnet = subnets.first else { return nil }
        var taken = Set(subnets.flatMap { $0.dnsServers + [$0.gateway].compactMap { $0 } })
        taken.formUnion(try await transaction.controllers().flatMap(\.interfaces).flatMap(\.addresses))
        taken.formUnion(try await transaction.machines().flatMap(\.interfaces).flatMap(\.links).compactMap(\.address))
        taken.formUnion(try await transaction.leases(vlanID: vlan.id).map(\.address))
        let ranges = try await transaction.ipRanges().filter { $0.subnetID == subnet.id }
        return ServiceAddressChoice.address(in: subnet.network, taken: taken, ranges: ranges)
    }
}
