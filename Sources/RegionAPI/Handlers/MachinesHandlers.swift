// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import Lifecycle
internal import PostgresStorage

/// `machines/`: the collection.
enum MachinesHandlers {
    static let resources = [
        Resource(
            name: "Machines", path: "machines/", text: "Manage the collection of all the machines in the MAAS.",
            actions: [
                Action("GET", "List machines", text: "Lists the machines that match all filters.", parameters: NodeFilter.parameters, run: Self.list),
                Action(
                    "POST", "Create a new machine", text: "A machine that boots for the first time makes itself known here, without credentials.",
                    parameters: [
                        .required("architecture", "Such as amd64/generic."),
                        .required("mac_addresses", "One or more MAC addresses; repeat the parameter."),
                        .optional("hostname", "A host name; without it one is made."), .optional("description", "A description."),
                        .optional("domain", "The domain's name or id."), .optional("zone", "The zone's name."), .optional("pool", "The pool's name."),
                        .optional("power_type", "ipmi or manual."), .optional("power_parameters", "The parameters of the power type, as JSON."),
                        .optional("power_parameters_{param}", "One parameter of the power type."),
                        .optional("commission", "Whether to commission at once; true for administrators.", kind: "Boolean"),
                        .optional("min_hwe_kernel", "The oldest kernel to run."),
                        .optional("enable_ssh", "Keep the machine on, with SSH.", kind: "Boolean"),
                    ], access: .optional, run: MachineCreation.create
                ),
                Action(
                    "POST", op: "allocate", "Allocate a machine", text: "Takes the cheapest free machine that meets the constraints.",
                    parameters: Allocation.parameters, run: Allocation.allocate
                ),
                Action(
                    "POST", op: "release", "Release machines",
                    parameters: [.required("machines", "System ids; repeat the parameter."), .optional("comment", "For the event log.")],
                    run: Self.release
                ),
                Action(
                    "POST", op: "accept", "Accept declared machines", text: "Commissions machines that made themselves known.",
                    parameters: [.required("machines", "System ids; repeat the parameter.")], access: .administrator
                ) { call in try await Self.accept(call, ids: try NodeFilter.systemIDs(call.form.list("machines"), field: "machines")) },
                Action("POST", op: "accept_all", "Accept all declared machines", access: .administrator) { call in
                    try await Self.accept(call, ids: nil)
                },
                Action("GET", op: "list_allocated", "List allocated", text: "The machines that the caller owns.", run: Self.listAllocated),
                NodeFilter.isRegistered, NodeFilter.setZone,
                Action(
                    "GET", op: "power_parameters", "Get power parameters", text: "Of several machines, with their secrets.",
                    parameters: [.optional("id", "System ids; repeat the parameter. Without it: all machines.")], access: .administrator
                ) { call in
                    let ids = try NodeFilter.systemIDs(call.form.list("id"), field: "id")
                    let powers = try await call.store.read { transaction in
                        let machines = ids.isEmpty ? try await transaction.machines().map(\.id) : ids
                        return try await transaction.powers(of: machines)
                    }
                    return .json(.object(JSONObject(powers.sorted { $0.key < $1.key }.map { ($0.key.description, PowerFields.object($0.value)) })))
                },
            ]
        )
    ]

    private static func list(_ call: APICall) async throws -> APIResponse {
        let objects = try await call.store.read { try await NodeFilter.machines(call, in: $0) }
        return .json(.array(objects))
    }

    private static func listAllocated(_ call: APICall) async throws -> APIResponse {
        let user = try call.user.username
        let objects = try await call.store.read { transaction in
            var filter = try NodeFilter.filter(call.form)
            filter.owners = [user]
            let machines = try await transaction.machines(matching: filter)
            let renderer = try await call.renderer(of: machines, in: transaction)
            return machines.map(renderer.machine)
        }
        return .json(.array(objects))
    }

    private static func accept(_ call: APICall, ids: [SystemID]?) async throws -> APIResponse {
        let user = try call.user.username
        let accepted = try await call.store.transaction { transaction in
            var filter = MachineFilter()
            filter.ids = ids
            filter.statuses = ids == nil ? [.new] : nil
            let candidates = try await transaction.machines(matching: filter)
            if let ids, candidates.count < Set(ids).count { throw APIFailure.field("machines", "Unknown machine(s) among: \(Self.text(ids)).") }
            var machines: [Machine] = []
            for candidate in candidates {
                guard var machine = try await transaction.lockMachine(candidate.id) else { continue }
                let events = try call.region.lifecycle.apply(.commission(options: [:]), to: &machine, by: user, now: call.now)
                try await CommissioningStart.prepare(&machine, in: transaction)
                machines.append(try await transaction.update(machine))
                try await transaction.append(events)
            }
            let renderer = try await call.renderer(of: machines, in: transaction)
            return machines.map(renderer.machine)
        }
        return .json(.array(accepted))
    }

    private static func release(_ call: APICall) async throws -> APIResponse {
        let ids = try NodeFilter.systemIDs(call.form.list("machines"), field: "machines")
        guard !ids.isEmpty else { throw APIFailure.required("machines") }
        let released = try await call.store.transaction { transaction in
            var released: [SystemID] = []
            // In the order of ids, so that two such calls never wait for each other.
            for id in Set(ids).sorted() {
                guard var machine = try await transaction.lockMachine(id) else { throw APIFailure.badRequest("Unknown machine(s): \(id).") }
                try call.require(.own, on: machine)
                if machine.status == .ready || machine.status == .releasing || machine.status == .diskErasing { continue }
                try await Release.apply(call, to: &machine, in: transaction)
                released.append(id)
            }
            return released
        }
        return .json(.array(released.map { .string($0.description) }))
    }

    private static func text(_ ids: [SystemID]) -> String {
        ids.prefix(20).map(\.description).joined(separator: ", ")
    }
}
