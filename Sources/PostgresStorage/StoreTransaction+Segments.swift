// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

extension StoreTransaction {
    /// What the racks of every shared segment have in common, in order of the VLANs.
    public func segmentServices() async throws -> [SegmentService] {
        let rows = try await self.rows("SELECT vlan_id, host(address) AS address, secret, version, racks FROM segment_service ORDER BY vlan_id")
        return try rows.map { row in
            let vlanID: Int = try row["vlan_id"]
            let version: Int = try row["version"]
            let racks: [String] = try row["racks"]
            return SegmentService(
                vlanID: vlanID, address: try row["address"], secret: try self.open(try row["secret"], of: .segment(vlanID: vlanID)),
                version: UInt64(max(0, version)), racks: racks.compactMap { SystemID($0) })
        }
    }

    /// Keeps it; racks are told.
    public func set(_ service: SegmentService) async throws {
        let secret = try self.seal(service.secret, for: .segment(vlanID: service.vlanID))
        try await self.execute(
            """
            INSERT INTO segment_service (vlan_id, address, secret, version, racks) VALUES (\(service.vlanID), \(service.address), \
            \(secret), \(Int(clamping: service.version)), \(service.racks.map(\.description))) ON CONFLICT (vlan_id) DO UPDATE SET \
            address = excluded.address, secret = excluded.secret, version = excluded.version, racks = excluded.racks
            """
        )
        try await self.execute("SELECT pg_notify('gantry_configuration', 'segment_service')")
    }

    /// Forgets that a segment was shared.
    public func removeSegmentService(vlanID: Int) async throws {
        try await self.execute("DELETE FROM segment_service WHERE vlan_id = \(vlanID)")
    }

    /// Where racks listen for one another, in order of their ids; also those that are not connected now.
    public func rackPeers() async throws -> [RackPeer] {
        try await self.rows("SELECT controller_id, host, port, is_drained FROM rack_peer ORDER BY controller_id").compactMap { row in
            guard let rack = SystemID(try row["controller_id"]) else { return nil }
            return RackPeer(rack: rack, host: try row["host"], port: try row["port"], isDrained: try row["is_drained"])
        }
    }

    /// Keeps where a rack listens for others; whether it is drained stays as it is.
    public func set(_ peer: RackPeer) async throws {
        try await self.execute(
            """
            INSERT INTO rack_peer (controller_id, host, port) VALUES (\(peer.rack), \(peer.host), \(peer.port)) \
            ON CONFLICT (controller_id) DO UPDATE SET host = excluded.host, port = excluded.port
            """
        )
    }

    /// Takes a rack off its shared segments, or back on them; its configuration says so.
    ///
    /// - Throws: ``StoreError`` `notFound` for a rack that shares nothing.
    public func setDrained(_ isDrained: Bool, rack: SystemID) async throws {
        let changed = try await self.execute("UPDATE rack_peer SET is_drained = \(isDrained) WHERE controller_id = \(rack)")
        guard changed > 0 else { throw StoreError.notFound("rack controller \(rack) among those that share segments") }
        try await self.execute("SELECT pg_notify('gantry_configuration', 'rack_peer')")
    }

    /// Keeps what a rack says of its segments; `since` stays while its role does.
    public func upsert(_ report: SegmentReport) async throws {
        try await self.execute(
            """
            INSERT INTO segment_report (vlan_id, controller_id, role, since, term, active, standbys, leases, reason, gap_milliseconds, updated) \
            SELECT \(report.vlanID), \(report.rack), \(report.role), \(report.updated), \(report.term), \(report.active?.description), \
            \(report.standbys.map(\.description)), \(report.leases), \(report.reason), \(report.gapMilliseconds), \(report.updated) \
            WHERE EXISTS (SELECT FROM vlan WHERE id = \(report.vlanID)) ON CONFLICT (vlan_id, controller_id) DO UPDATE SET \
            since = CASE WHEN segment_report.role = excluded.role THEN segment_report.since ELSE excluded.since END, role = excluded.role, \
            term = excluded.term, active = excluded.active, standbys = excluded.standbys, leases = excluded.leases, reason = excluded.reason, \
            gap_milliseconds = excluded.gap_milliseconds, updated = excluded.updated
            """
        )
    }

    /// What racks said last of their segments, in order of VLANs and racks.
    public func segmentReports() async throws -> [SegmentReport] {
        let rows = try await self.rows(
            """
            SELECT vlan_id, controller_id, role, since, term, active, standbys, leases, reason, gap_milliseconds, updated \
            FROM segment_report ORDER BY vlan_id, controller_id
            """
        )
        return try rows.compactMap { row in
            guard let rack = SystemID(try row["controller_id"]) else { return nil }
            let active: String? = try row["active"]
            let standbys: [String] = try row["standbys"]
            return SegmentReport(
                vlanID: try row["vlan_id"], rack: rack, role: try row["role"], since: try row["since"], term: try row["term"],
                active: active.flatMap { SystemID($0) }, standbys: standbys.compactMap { SystemID($0) }, leases: try row["leases"],
                reason: try row["reason"], gapMilliseconds: try row["gap_milliseconds"], updated: try row["updated"])
        }
    }
}
