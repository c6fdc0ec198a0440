// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

extension StoreTransaction {
    private func vlans(where condition: PostgresQuery) async throws -> [VLAN] {
        let rows = try await self.rows(
            """
            SELECT vlan.id, vid, vlan.name, vlan.description, fabric_id, mtu, dhcp_on, primary_rack, secondary_rack, relay_vlan_id, \
            space.name AS space FROM vlan LEFT JOIN space ON space.id = space_id\(condition)
            """
        )
        return try rows.map {
            VLAN(
                id: try $0["id"], vid: try $0["vid"], name: try $0["name"], description: try $0["description"],
                fabricID: try $0["fabric_id"], mtu: try $0["mtu"], dhcpOn: try $0["dhcp_on"], primaryRack: try $0["primary_rack"],
                secondaryRack: try $0["secondary_rack"], relayVLANID: try $0["relay_vlan_id"], space: try $0["space"]
            )
        }
    }

    /// All VLANs, or those of one fabric, in order of their ids: a fabric's default VLAN comes first.
    public func vlans(fabricID: Int? = nil) async throws -> [VLAN] {
        guard let fabricID else { return try await self.vlans(where: " ORDER BY vlan.id") }
        return try await self.vlans(where: " WHERE fabric_id = \(fabricID) ORDER BY vlan.id")
    }

    /// The VLAN with this id.
    public func vlan(id: Int) async throws -> VLAN? {
        try await self.vlans(where: " WHERE vlan.id = \(id)").first
    }

    /// The VLAN with this tag in a fabric.
    public func vlan(fabricID: Int, vid: Int) async throws -> VLAN? {
        try await self.vlans(where: " WHERE fabric_id = \(fabricID) AND vid = \(vid)").first
    }

    /// Adds a VLAN to its fabric. Its space and racks exist already.
    @discardableResult public func insert(_ vlan: VLAN) async throws -> VLAN {
        var vlan = vlan
        let spaceID = try await self.spaceID(vlan.space)
        vlan.id = try await self.onlyRow(
            """
            INSERT INTO vlan (vid, name, description, fabric_id, mtu, dhcp_on, primary_rack, secondary_rack, relay_vlan_id, space_id) \
            VALUES (\(vlan.vid), \(vlan.name), \(vlan.description), \(vlan.fabricID), \(vlan.mtu), \(vlan.dhcpOn), \
            \(vlan.primaryRack), \(vlan.secondaryRack), \(vlan.relayVLANID), \(spaceID)) RETURNING id
            """
        )["id"]
        return vlan
    }

    /// - Throws: also ``StoreError`` refused when a fabric's default VLAN is to go to another fabric.
    public func update(_ vlan: VLAN) async throws {
        try await self.lock("vlan", id: vlan.id, "VLAN \(vlan.id)")
        let place = try await self.place(of: vlan.id)
        guard vlan.fabricID == place.fabricID || !place.isDefault else {
            throw StoreError.invalid(field: "fabric", message: "The default VLAN of a fabric can't go to another one.")
        }
        let spaceID = try await self.spaceID(vlan.space)
        try await self.execute(
            """
            UPDATE vlan SET vid = \(vlan.vid), name = \(vlan.name), description = \(vlan.description), fabric_id = \(vlan.fabricID), \
            mtu = \(vlan.mtu), dhcp_on = \(vlan.dhcpOn), primary_rack = \(vlan.primaryRack), secondary_rack = \(vlan.secondaryRack), \
            relay_vlan_id = \(vlan.relayVLANID), space_id = \(spaceID) WHERE id = \(vlan.id)
            """
        )
    }

    /// Deletes a VLAN; interfaces of machines on it are on the fabric's default VLAN then.
    ///
    /// - Throws: ``StoreError`` refused for the default VLAN of a fabric, and while subnets are on the VLAN.
    public func deleteVLAN(_ id: Int) async throws {
        try await self.lock("vlan", id: id, "VLAN \(id)")
        let place = try await self.place(of: id)
        guard !place.isDefault else { throw StoreError.refused("The default VLAN of a fabric can't be deleted.") }
        let subnets: Int = try await self.onlyRow("SELECT count(*) AS count FROM subnet WHERE vlan_id = \(id)")["count"]
        guard subnets == 0 else { throw StoreError.refused("The VLAN can't be deleted: \(subnets) subnets are on it.") }
        try await self.raiseVersions("id IN (SELECT machine_id FROM machine_interface WHERE vlan_id = \(id))")
        try await self.execute("UPDATE machine_interface SET vlan_id = \(place.defaultVLANID) WHERE vlan_id = \(id)")
        try await self.execute("DELETE FROM vlan WHERE id = \(id)")
    }

    /// The default VLAN of a fabric is its first one.
    private func place(of id: Int) async throws -> (fabricID: Int, defaultVLANID: Int, isDefault: Bool) {
        let row = try await self.onlyRow(
            """
            SELECT fabric_id, (SELECT min(other.id) FROM vlan AS other WHERE other.fabric_id = vlan.fabric_id) AS default_id \
            FROM vlan WHERE id = \(id)
            """
        )
        let first: Int = try row["default_id"]
        return (try row["fabric_id"], first, first == id)
    }

    private func spaceID(_ name: String?) async throws -> Int? {
        guard let name else { return nil }
        guard let space = try await self.space(named: name) else {
            throw StoreError.invalid(field: "space", message: "There is no space '\(name)'.")
        }
        return space.id
    }
}
