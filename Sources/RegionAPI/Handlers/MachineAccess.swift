// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import Installation
internal import JSON
internal import Lifecycle
internal import PostgresStorage

/// What a user may do with a machine.
enum MachineRight {
    /// See it: machines that are free, and one's own.
    case view
    /// Use it: the same.
    case use
    /// One's own machine.
    case own
    /// Administrators only.
    case administer
}

extension APICall {
    /// Whether the caller has a right on a machine.
    func may(_ right: MachineRight, _ machine: Machine) -> Bool {
        guard let user = self.caller.user else { return false }
        if user.isSuperuser { return true }
        let isOwn = machine.owner == user.username
        return switch right {
        case .view, .use: isOwn || (machine.owner == nil && machine.status == .ready)
        case .own: isOwn
        case .administer: false
        }
    }

    /// - Throws: `APIFailure` 403.
    func require(_ right: MachineRight, on machine: Machine) throws {
        guard self.may(right, machine) else { throw APIFailure.forbidden("Forbidden: you may not do this with \(machine.hostname) (\(machine.id)).") }
    }

    /// The machine of the path, for reading.
    func machine(in transaction: StoreTransaction, _ right: MachineRight = .view) async throws -> Machine {
        let id = try self.systemID
        guard let machine = try await transaction.machine(id) else { throw APIFailure.notFound("There is no machine '\(id)'.") }
        try self.require(right, on: machine)
        return machine
    }

    /// Loads what the machines refer to, in a constant number of statements.
    func renderer(of machines: [Machine], in transaction: StoreTransaction) async throws -> APIRenderer {
        APIRenderer(
            zones: try await transaction.zones(), pools: try await transaction.pools(), fabrics: try await transaction.fabrics(),
            vlans: try await transaction.vlans(), subnets: try await transaction.subnets(),
            leases: try await transaction.leases(of: machines.flatMap { $0.interfaces.map(\.macAddress) }),
            results: try await transaction.resultSummaries(of: machines.map(\.id)),
            layouts: try await transaction.storageLayouts(of: machines.map(\.id)).compactMapValues(StorageLayout.init(json:)),
            defaultLayout: try await StorageLayouts.initial(in: transaction)
        )
    }

    /// A renderer for objects that are no machines.
    func renderer(in transaction: StoreTransaction) async throws -> APIRenderer {
        try await self.renderer(of: [], in: transaction)
    }

    func rendered(_ machine: Machine, in transaction: StoreTransaction) async throws -> JSONValue {
        try await self.renderer(of: [machine], in: transaction).machine(machine)
    }

    /// Changes the machine of the path under its lock, stores it with the events, and answers with it.
    func change(
        _ right: MachineRight, _ body: (inout Machine, StoreTransaction) async throws -> [Event]
    ) async throws -> APIResponse {
        let id = try self.systemID
        let object = try await self.store.transaction { transaction in
            guard var machine = try await transaction.lockMachine(id) else { throw APIFailure.notFound("There is no machine '\(id)'.") }
            try self.require(right, on: machine)
            let events = try await body(&machine, transaction)
            machine = try await transaction.update(machine)
            try await transaction.append(events)
            return try await self.rendered(machine, in: transaction)
        }
        return .json(object)
    }

    /// Carries out a request of the life cycle on the machine of the path.
    func apply(_ right: MachineRight, _ request: MachineRequest) async throws -> APIResponse {
        let user = try self.user.username
        return try await self.change(right) { machine, _ in
            try self.region.lifecycle.apply(request, to: &machine, by: user, now: self.now)
        }
    }

    /// An event of the API itself.
    func event(_ machine: Machine, _ type: String, _ description: String) -> Event {
        Event(
            machineID: machine.id, hostname: machine.hostname, source: .audit, type: type, description: description,
            user: self.caller.user?.username ?? "", occurred: self.now
        )
    }
}
