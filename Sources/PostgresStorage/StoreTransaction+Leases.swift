// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import JSON
import Postgres

extension StoreTransaction {
    private func leases(where condition: PostgresQuery) async throws -> [Lease] {
        let rows = try await self.rows(
            "SELECT vlan_id, host(address) AS address, mac_address, generation, hostname, expires, updated FROM lease\(condition)"
        )
        return try rows.map {
            Lease(
                vlanID: try $0["vlan_id"], address: try $0["address"], macAddress: try $0["mac_address"],
                generation: try $0["generation"], hostname: try $0["hostname"], expires: try $0["expires"], updated: try $0["updated"]
            )
        }
    }

    /// Keeps what the racks report, in whatever order reports come: of an address, a greater generation wins, and within one the later
    /// update. Leases on VLANs that are gone are left out.
    public func upsert(_ leases: [Lease]) async throws {
        // A statement may touch a row only once: the newest of each address.
        var newest: [LeaseKey: Lease] = [:]
        for lease in leases {
            let key = LeaseKey(vlanID: lease.vlanID, address: lease.address)
            if let other = newest[key], (other.generation, other.updated) > (lease.generation, lease.updated) { continue }
            newest[key] = lease
        }
        guard !newest.isEmpty else { return }
        var records = Records()
        // In one order, so that two reports at once don't wait for each other.
        for (_, lease) in newest.sorted(by: { ($0.key.vlanID, $0.key.address) < ($1.key.vlanID, $1.key.address) }) {
            records.append([
                "vlan_id": .int(lease.vlanID), "address": .string(lease.address.description),
                "mac_address": .string(lease.macAddress.description), "generation": .int(lease.generation),
                "hostname": .string(storable(lease.hostname, atMost: 255)), "expires": .moment(lease.expires),
                "updated": .moment(lease.updated),
            ])
        }
        try await self.execute(
            """
            INSERT INTO lease (vlan_id, address, mac_address, generation, hostname, expires, updated) \
            SELECT vlan_id, address, mac_address, generation, hostname, \(PostgresQuery.moment("expires")), \
            \(PostgresQuery.moment("updated")) FROM jsonb_to_recordset(\(records.json)) AS new (vlan_id bigint, address inet, \
            mac_address macaddr, generation bigint, hostname text, expires bigint, updated bigint) \
            WHERE vlan_id IN (SELECT id FROM vlan) \
            ON CONFLICT (vlan_id, address) DO UPDATE SET mac_address = excluded.mac_address, generation = excluded.generation, \
            hostname = excluded.hostname, expires = excluded.expires, updated = excluded.updated \
            WHERE (excluded.generation, excluded.updated) >= (lease.generation, lease.updated)
            """
        )
    }

    /// The lease of an address; the latest one should several VLANs have it.
    public func lease(address: IPv4Address) async throws -> Lease? {
        try await self.leases(where: " WHERE address = \(address) ORDER BY updated DESC LIMIT 1").first
    }

    /// The latest lease of a MAC address.
    public func lease(of mac: MACAddress) async throws -> Lease? {
        try await self.leases(where: " WHERE mac_address = \(mac) ORDER BY updated DESC LIMIT 1").first
    }

    /// All leases of these MAC addresses, latest first.
    public func leases(of macs: [MACAddress]) async throws -> [Lease] {
        try await self.leases(where: " WHERE mac_address = ANY(\(macs.map(\.description))::macaddr[]) ORDER BY updated DESC, address")
    }

    /// All leases, or those of one VLAN, in order of their addresses.
    public func leases(vlanID: Int? = nil) async throws -> [Lease] {
        guard let vlanID else { return try await self.leases(where: " ORDER BY vlan_id, lease.address") }
        return try await self.leases(where: " WHERE vlan_id = \(vlanID) ORDER BY lease.address")
    }

    /// Forgets a lease; nothing when there is none.
    public func removeLease(vlanID: Int, address: IPv4Address) async throws {
        try await self.execute("DELETE FROM lease WHERE vlan_id = \(vlanID) AND address = \(address)")
    }

    /// Forgets leases that ended before a moment, the longest ended ones first.
    ///
    /// - Returns: how many; less than `limit` when none are left.
    public func pruneLeases(expiredBefore moment: Timestamp, limit: Int = 10_000) async throws -> Int {
        try await self.execute(
            """
            DELETE FROM lease WHERE (vlan_id, address) IN (\
            SELECT vlan_id, address FROM lease WHERE expires < \(moment) ORDER BY expires LIMIT \(max(0, limit)))
            """
        )
    }

    /// The state of a segment's lease authority, which no other transaction can read in this way or write before this one ends; nil
    /// when none was written yet. Only in ``Store/transaction(_:)``.
    ///
    /// - Throws: ``StoreError`` `notFound` for an unknown VLAN.
    public func authoritySnapshot(vlanID: Int) async throws -> [UInt8]? {
        // Without a row there would be nothing to lock, and two regions could both begin from nothing.
        try await self.execute("INSERT INTO lease_authority (vlan_id) VALUES (\(vlanID)) ON CONFLICT (vlan_id) DO NOTHING")
        return try await self.onlyRow("SELECT snapshot FROM lease_authority WHERE vlan_id = \(vlanID) FOR UPDATE")["snapshot"]
    }

    /// The same as it was last stored, without keeping anybody out; nil when none was written yet.
    public func publishedAuthority(vlanID: Int) async throws -> [UInt8]? {
        try await self.row("SELECT snapshot FROM lease_authority WHERE vlan_id = \(vlanID)")?["snapshot"]
    }

    /// What the database's clock shows now, which in a transaction that waited for a lock is later than when it began.
    public func databaseClock() async throws -> Timestamp {
        try await self.onlyRow("SELECT clock_timestamp() AS now")["now"]
    }

    /// The timeline that the database writes on: one more after each promotion and each recovery to a point in time.
    ///
    /// Taken from what is written now, which every role may ask for, and not from the control file, which shows a promotion
    /// only after the next checkpoint.
    public func databaseTimeline() async throws -> UInt32 {
        // The first eight of the name's hexadecimal digits (PostgreSQL, "Backup Control Functions").
        let name: String = try await self.onlyRow("SELECT pg_walfile_name(pg_current_wal_insert_lsn()) AS name")["name"]
        guard let timeline = UInt32(name.prefix(8), radix: 16) else {
            throw StoreError(.failed, "The write-ahead log's file name \(name) does not begin with a timeline.")
        }
        return timeline
    }

    /// - Parameter isPublished: whether racks have to be told of what changed: ``StoreChannel/configuration`` is notified.
    /// - Throws: ``StoreError`` `notFound` for an unknown VLAN.
    public func setAuthoritySnapshot(_ bytes: [UInt8], vlanID: Int, isPublished: Bool = false) async throws {
        if isPublished { try await self.execute("SELECT pg_notify('gantry_configuration', 'lease_authority')") }
        try await self.execute(
            """
            INSERT INTO lease_authority (vlan_id, snapshot) VALUES (\(vlanID), \(bytes)) \
            ON CONFLICT (vlan_id) DO UPDATE SET snapshot = excluded.snapshot, updated = now()
            """
        )
    }
}

private struct LeaseKey: Hashable {
    let vlanID: Int
    let address: IPv4Address
}
