// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

extension StoreTransaction {
    /// The machine with this id, whole.
    public func machine(_ id: SystemID) async throws -> Machine? {
        try await self.machines(where: " WHERE machine.id = \(id)").first
    }

    /// The machine with a physical interface of this address.
    public func machine(mac: MACAddress) async throws -> Machine? {
        try await self.machines(
            where: " WHERE machine.id IN (SELECT machine_id FROM machine_interface WHERE kind = 'physical' AND mac_address = \(mac))"
        ).first
    }

    /// The machine of this name, in any case.
    public func machine(hostname: String) async throws -> Machine? {
        try await self.machines(where: " WHERE lower(machine.hostname) = \(hostname.lowercased())").first
    }

    /// The machines in order of their ids, whole, with the same number of statements for any number of machines.
    public func machines(matching filter: MachineFilter = MachineFilter()) async throws -> [Machine] {
        var condition = PostgresQuery.conditions(filter.conditions)
        condition.append(" ORDER BY machine.id")
        if let limit = filter.limit { condition.append(" LIMIT \(max(0, limit))") }
        return try await self.machines(where: condition)
    }

    /// The machine, which nobody else can lock or change before this transaction ends. Waits for a transaction that has it locked.
    ///
    /// The lock leaves room for new rows that only refer to the machine, such as its API key.
    public func lockMachine(_ id: SystemID) async throws -> Machine? {
        // First the lock, then reading: a row that was waited for would be joined with what was there before the wait.
        guard try await self.row("SELECT id FROM machine WHERE id = \(id) FOR NO KEY UPDATE") != nil else { return nil }
        return try await self.machine(id)
    }

    /// Like ``lockMachine(_:)``, but nil at once when another transaction has it locked.
    public func lockMachineSkippingLocked(_ id: SystemID) async throws -> Machine? {
        guard try await self.row("SELECT id FROM machine WHERE id = \(id) FOR NO KEY UPDATE SKIP LOCKED") != nil else { return nil }
        return try await self.machine(id)
    }

    /// Waits until no other transaction allocates; the lock ends with this transaction.
    public func lockAllocation() async throws {
        try await self.lock(.allocation)
    }

    /// The ids of the machines that an operation is under way on, in their order.
    public func machinesWithOperations() async throws -> [SystemID] {
        try await self.rows("SELECT id FROM machine WHERE operation IS NOT NULL ORDER BY id").map { try $0["id"] }
    }

    /// How many machines there are.
    public func machineCount() async throws -> Int {
        try await self.onlyRow("SELECT count(*) AS count FROM machine")["count"]
    }

    /// Those of the names that machines have, in any case.
    public func takenHostnames(among names: [String]) async throws -> Set<String> {
        let rows = try await self.rows(
            "SELECT lower(hostname) AS name FROM machine WHERE lower(hostname) = ANY(\(names.map { $0.lowercased() }))"
        )
        let taken = Set(try rows.map { try $0.decode(String.self, "name") })
        return Set(names.filter { taken.contains($0.lowercased()) })
    }

    /// Adds a machine with its interfaces and disks. The power type is that of `power`.
    ///
    /// - Returns: the machine with the ids of its parts and version 1.
    /// - Throws: ``StoreError`` `conflict` for a MAC address or a hostname that is in use, naming the other machine; `invalid` for an
    ///   unknown zone, pool, tag or owner.
    @discardableResult public func insert(_ machine: Machine, power: PowerConfiguration) async throws -> Machine {
        var machine = machine
        machine.powerType = power.type
        machine.version = 1
        machine.bootInterfaceID = nil
        machine.bootDiskID = nil
        var assignments = try machine.assignments(try await self.references(of: machine))
        assignments += [
            ("id", "\(machine.id)"), ("power_type", "\(machine.powerType)"), ("created", "\(machine.created)"),
            ("updated", "\(machine.updated)"), ("version", "\(machine.version)"),
        ]
        let columns = assignments.map(\.column).joined(separator: ", ")
        let values = PostgresQuery.joined(assignments.map(\.value), separator: ", ")
        try await self.execute("INSERT INTO machine (\(unescaped: columns)) VALUES (\(values))")
        let sealed = try self.seal(power.storedParameters, for: .power(machine: machine.id.description))
        try await self.execute("INSERT INTO machine_secret (machine_id, power) VALUES (\(machine.id), \(sealed))")
        machine.tags = try await self.synchronizeTags(of: machine, stored: [])
        machine.interfaces = try await self.synchronizeInterfaces(of: machine, stored: [])
        machine.blockDevices = try await self.synchronizeBlockDevices(of: machine, stored: [])
        try await self.adoptEvents(of: machine)
        return machine
    }

    /// Writes a machine that was read before, all but its power type, which ``setPower(_:of:)`` writes.
    ///
    /// Interfaces, their links and disks with the id 0 are added, those that are missing are removed.
    ///
    /// - Returns: the machine as it is now: with the ids of new parts, the next version and the time of the change.
    /// - Throws: ``StoreError`` `staleVersion` when it was changed since it was read, `notFound`, or as when inserting.
    @discardableResult public func update(_ machine: Machine) async throws -> Machine {
        var machine = machine
        let assignments = try machine.assignments(try await self.references(of: machine)).map { column, value in
            "\(unescaped: column) = \(value)" as PostgresQuery
        }
        let changed = try await self.row(
            """
            UPDATE machine SET \(PostgresQuery.joined(assignments, separator: ", ")), version = version + 1, updated = clock_timestamp() \
            WHERE id = \(machine.id) AND version = \(machine.version) RETURNING version, updated
            """
        )
        guard let changed else { throw try await self.missingOrStale(machine) }
        machine.version = try changed["version"]
        machine.updated = try changed["updated"]
        let stored = try await self.parts(of: [machine.id])
        let id = machine.id
        machine.tags = try await self.synchronizeTags(of: machine, stored: stored.tags[id] ?? [])
        machine.interfaces = try await self.synchronizeInterfaces(of: machine, stored: stored.interfaces[id] ?? [])
        machine.blockDevices = try await self.synchronizeBlockDevices(of: machine, stored: stored.blockDevices[id] ?? [])
        if !machine.interfaces.contains(where: { $0.id == machine.bootInterfaceID }) { machine.bootInterfaceID = nil }
        if !machine.blockDevices.contains(where: { $0.id == machine.bootDiskID }) { machine.bootDiskID = nil }
        return machine
    }

    /// Deletes a machine with all that belongs to it. Its events and erase certificates stay.
    public func deleteMachine(_ id: SystemID) async throws {
        try await self.executeOne("machine \(id)", "DELETE FROM machine WHERE id = \(id)")
    }

    /// Counts a change of machines that was made beside ``update(_:)``, so that older copies of them are refused.
    func raiseVersions(_ condition: PostgresQuery) async throws {
        try await self.execute("UPDATE machine SET version = version + 1, updated = clock_timestamp() WHERE \(condition)")
    }

    private func missingOrStale(_ machine: Machine) async throws -> StoreError {
        guard let row = try await self.row("SELECT version FROM machine WHERE id = \(machine.id)") else {
            return .notFound("machine \(machine.id)")
        }
        let version: Int = try row["version"]
        return StoreError(
            .staleVersion, "The machine \(machine.id) was changed meanwhile: version \(machine.version), now \(version)."
        )
    }

    /// Looks up what the machine's names mean, and whether its own name is free.
    private func references(of machine: Machine) async throws -> MachineReferences {
        let row = try await self.onlyRow(
            """
            SELECT (SELECT id FROM zone WHERE name = \(machine.zone)) AS zone_id, \
            (SELECT id FROM resource_pool WHERE name = \(machine.pool)) AS pool_id, \
            (SELECT id FROM app_user WHERE username = \(machine.owner)) AS user_id, \
            (SELECT id FROM machine WHERE lower(hostname) = \(machine.hostname.lowercased()) AND id <> \(machine.id)) AS namesake
            """
        )
        if let namesake: String = try row["namesake"] {
            throw StoreError.conflict(
                field: "hostname", message: "The hostname '\(machine.hostname)' is in use by the machine \(namesake)."
            )
        }
        guard let zoneID: Int = try row["zone_id"] else {
            throw StoreError.invalid(field: "zone", message: "There is no zone '\(machine.zone)'.")
        }
        guard let poolID: Int = try row["pool_id"] else {
            throw StoreError.invalid(field: "pool", message: "There is no pool '\(machine.pool)'.")
        }
        let userID: Int? = try row["user_id"]
        if let owner = machine.owner, userID == nil {
            throw StoreError.invalid(field: "owner", message: "There is no user '\(owner)'.")
        }
        return MachineReferences(userID: userID, zoneID: zoneID, poolID: poolID)
    }
}
