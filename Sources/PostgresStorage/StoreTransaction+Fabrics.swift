// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

extension StoreTransaction {
    private static let fabricColumns: PostgresQuery = "id, name, description, class_type"

    private func fabrics(where condition: PostgresQuery) async throws -> [Fabric] {
        try await self.rows("SELECT \(Self.fabricColumns) FROM fabric\(condition)").map {
            Fabric(id: try $0["id"], name: try $0["name"], description: try $0["description"], classType: try $0["class_type"])
        }
    }

    /// In order of their ids.
    public func fabrics() async throws -> [Fabric] {
        try await self.fabrics(where: " ORDER BY id")
    }

    /// The fabric with this id.
    public func fabric(id: Int) async throws -> Fabric? {
        try await self.fabrics(where: " WHERE id = \(id)").first
    }

    /// The fabric of this name.
    public func fabric(named name: String) async throws -> Fabric? {
        try await self.fabrics(where: " WHERE name = \(name)").first
    }

    /// Adds a fabric with its default VLAN, the untagged one. Without a name it is `fabric-` and its id.
    @discardableResult public func insert(_ fabric: Fabric) async throws -> Fabric {
        var fabric = fabric
        fabric.id = try await self.newIDs(1, of: "fabric").first ?? 0
        if fabric.name.isEmpty { fabric.name = "fabric-\(fabric.id)" }
        try await self.execute(
            """
            INSERT INTO fabric (\(Self.fabricColumns)) \
            VALUES (\(fabric.id), \(fabric.name), \(fabric.description), \(fabric.classType))
            """
        )
        try await self.insert(VLAN.untagged(ofFabric: fabric.id))
        return fabric
    }

    /// Changes all of a fabric but its VLANs.
    public func update(_ fabric: Fabric) async throws {
        try await self.executeOne(
            "fabric \(fabric.id)",
            """
            UPDATE fabric SET name = \(fabric.name), description = \(fabric.description), class_type = \(fabric.classType) \
            WHERE id = \(fabric.id)
            """
        )
    }

    /// Deletes a fabric with its VLANs.
    ///
    /// - Throws: ``StoreError`` refused for the default fabric, and while subnets or interfaces of machines are on its VLANs.
    public func deleteFabric(_ id: Int) async throws {
        guard id != Schema.defaultFabricID else { throw StoreError.refused("The default fabric can't be deleted.") }
        try await self.lock("fabric", id: id, "fabric \(id)")
        _ = try await self.rows("SELECT id FROM vlan WHERE fabric_id = \(id) ORDER BY id FOR UPDATE")
        let uses = try await self.onlyRow(
            """
            SELECT (SELECT count(*) FROM subnet JOIN vlan ON vlan.id = vlan_id WHERE fabric_id = \(id)) AS subnets, \
            (SELECT count(*) FROM machine_interface JOIN vlan ON vlan.id = vlan_id WHERE fabric_id = \(id)) AS interfaces
            """
        )
        let (subnets, interfaces): (Int, Int) = (try uses["subnets"], try uses["interfaces"])
        guard subnets == 0, interfaces == 0 else {
            throw StoreError.refused("The fabric can't be deleted: \(subnets) subnets and \(interfaces) interfaces use it.")
        }
        try await self.execute("DELETE FROM fabric WHERE id = \(id)")
    }
}

extension VLAN {
    /// The VLAN that a fabric has from the start.
    fileprivate static func untagged(ofFabric id: Int) -> VLAN {
        VLAN(
            id: 0, vid: 0, name: "untagged", description: "", fabricID: id, mtu: 1500, dhcpOn: false, primaryRack: nil,
            secondaryRack: nil, relayVLANID: nil, space: nil
        )
    }
}
