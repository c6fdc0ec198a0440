// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import JSON
import Postgres

extension StoreTransaction {
    private func controllers(where condition: PostgresQuery) async throws -> [Controller] {
        let rows = try await self.rows(
            "SELECT id, kind, hostname, software_version, interfaces, first_seen, last_seen, connected FROM controller\(condition)"
        )
        return try rows.map {
            Controller(
                id: try $0["id"], kind: try $0["kind"], hostname: try $0["hostname"], softwareVersion: try $0["software_version"],
                interfaces: try Self.interfaces(try $0["interfaces"]), firstSeen: try $0["first_seen"], lastSeen: try $0["last_seen"],
                connected: try $0["connected"]
            )
        }
    }

    /// All controllers, or those of one kind, in order of their ids.
    public func controllers(kind: Controller.Kind? = nil) async throws -> [Controller] {
        guard let kind else { return try await self.controllers(where: " ORDER BY id") }
        return try await self.controllers(where: " WHERE kind = \(kind) ORDER BY id")
    }

    /// The controller with this id.
    public func controller(_ id: SystemID) async throws -> Controller? {
        try await self.controllers(where: " WHERE id = \(id)").first
    }

    /// Writes what a controller says of itself; when it was first seen stays as it was.
    public func upsert(_ controller: Controller) async throws {
        try await self.execute(
            """
            INSERT INTO controller (id, kind, hostname, software_version, interfaces, first_seen, last_seen, connected) \
            VALUES (\(controller.id), \(controller.kind), \(storable(controller.hostname)), \(storable(controller.softwareVersion)), \
            \(Self.stored(controller.interfaces)), \(controller.firstSeen), \(controller.lastSeen), \(controller.connected)) \
            ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, hostname = excluded.hostname, \
            software_version = excluded.software_version, interfaces = excluded.interfaces, last_seen = excluded.last_seen, \
            connected = excluded.connected
            """
        )
    }

    /// Notes whether a controller's link is up.
    public func setConnected(_ connected: Bool, controller id: SystemID) async throws {
        try await self.executeOne("controller \(id)", "UPDATE controller SET connected = \(connected) WHERE id = \(id)")
    }

    /// Deletes a controller; VLANs that it served are without it.
    public func deleteController(_ id: SystemID) async throws {
        try await self.executeOne("controller \(id)", "DELETE FROM controller WHERE id = \(id)")
    }

    private static func stored(_ interfaces: [ControllerInterface]) -> PostgresJSON {
        let values = interfaces.map { interface -> JSONValue in
            .object([
                "name": .text(interface.name), "mac_address": .optional(interface.macAddress?.description),
                "addresses": .texts(interface.addresses.map(\.description)), "networks": .texts(interface.networks.map(\.description)),
            ])
        }
        return PostgresJSON(JSONValue.array(values).text)
    }

    private static func interfaces(_ json: PostgresJSON) throws -> [ControllerInterface] {
        (try readJSON(json, column: "interfaces").arrayValue ?? []).map { value in
            ControllerInterface(
                name: value["name"]?.stringValue ?? "", macAddress: value["mac_address"]?.stringValue.flatMap { MACAddress($0) },
                addresses: Self.texts(value["addresses"]).compactMap { IPv4Address($0) },
                networks: Self.texts(value["networks"]).compactMap { IPv4Network($0) }
            )
        }
    }

    private static func texts(_ value: JSONValue?) -> [String] {
        (value?.arrayValue ?? []).compactMap(\.stringValue)
    }
}
