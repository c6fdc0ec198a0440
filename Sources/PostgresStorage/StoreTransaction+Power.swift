// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import JSON
import Postgres

extension PowerConfiguration {
    /// The parameters as they are sealed: a JSON object with its keys in order.
    var storedParameters: [UInt8] {
        JSONValue.object(JSONObject(self.parameters.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })).bytes
    }

    /// Nil when the bytes are no object.
    init?(type: PowerType, storedParameters: [UInt8]) {
        guard case .object(let object)? = try? JSONValue(parsing: storedParameters) else { return nil }
        let members = object.members.compactMap { key, value in value.stringValue.map { (key, $0) } }
        self.init(type: type, parameters: Dictionary(members) { first, _ in first })
    }
}

extension StoreTransaction {
    /// How the machine's BMC is reached; nil when there is no such machine.
    public func power(of id: SystemID) async throws -> PowerConfiguration? {
        try await self.powers(of: [id])[id]
    }

    /// How the BMCs of these machines are reached.
    public func powers(of ids: [SystemID]) async throws -> [SystemID: PowerConfiguration] {
        let rows = try await self.rows(
            """
            SELECT id, power_type, power FROM machine JOIN machine_secret ON machine_id = id \
            WHERE id = ANY(\(ids.map(\.description)))
            """
        )
        var powers: [SystemID: PowerConfiguration] = [:]
        for row in rows {
            let id: SystemID = try row["id"]
            let parameters = try self.open(try row["power"], of: .power(machine: id.description))
            guard let power = PowerConfiguration(type: try row["power_type"], storedParameters: parameters) else {
                throw StoreError(.failed, "The power parameters of \(id) can't be read.")
            }
            powers[id] = power
        }
        return powers
    }

    /// Changes how the machine's BMC is reached, and the machine's power type with it. Does not change the machine's version.
    public func setPower(_ power: PowerConfiguration, of id: SystemID) async throws {
        try await self.executeOne("machine \(id)", "UPDATE machine SET power_type = \(power.type) WHERE id = \(id)")
        let sealed = try self.seal(power.storedParameters, for: .power(machine: id.description))
        try await self.executeOne("machine \(id)", "UPDATE machine_secret SET power = \(sealed) WHERE machine_id = \(id)")
    }

    /// The user data of the machine's deployment; nil when it has none.
    public func userData(of id: SystemID) async throws -> [UInt8]? {
        guard let row = try await self.row("SELECT user_data FROM machine_secret WHERE machine_id = \(id)"),
            let sealed: [UInt8] = try row["user_data"]
        else { return nil }
        return try self.open(sealed, of: .userData(machine: id.description))
    }

    /// Keeps user data, which often has secrets in it, sealed; nil removes it.
    public func setUserData(_ bytes: [UInt8]?, of id: SystemID) async throws {
        let sealed = try bytes.map { try self.seal($0, for: .userData(machine: id.description)) }
        try await self.executeOne("machine \(id)", "UPDATE machine_secret SET user_data = \(sealed) WHERE machine_id = \(id)")
    }
}
