// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import Lifecycle
internal import Placement
internal import PostgresStorage

/// `machines/?op=allocate`.
enum Allocation {
    static let parameters: [Parameter] = [
        .optional("name", "Host name, or with the domain."), .optional("system_id", "System id."), .optional("arch", "Architecture."),
        .optional("cpu_count", "At least so many cores.", kind: "Integer"), .optional("mem", "At least so many MiB of memory.", kind: "Integer"),
        .optional("tags", "Tags that it has to have."), .optional("not_tags", "Tags that it may not have."), .optional("zone", "Zone."),
        .optional("not_in_zone", "Zones that it may not be in."), .optional("pool", "Pool."),
        .optional("not_in_pool", "Pools that it may not be in."),
        .optional("agent_name", "Kept with the machine; lists can be filtered by it."), .optional("comment", "For the event log."),
        .optional("dry_run", "Choose, but allocate nothing.", kind: "Boolean"), .optional("verbose", "Add constraint_map.", kind: "Boolean"),
    ]

    /// Constraints of MAAS that nothing here can check yet: ignoring one would hand out the wrong machine.
    private static let unsupported = [
        "storage", "interfaces", "fabrics", "not_fabrics", "fabric_classes", "not_fabric_classes", "subnets", "not_subnets", "vlans", "not_vlans",
        "link_speed", "devices", "pod", "pod_type",
    ]

    static func allocate(_ call: APICall) async throws -> APIResponse {
        for name in Self.unsupported where call.form.text(name) != nil {
            throw APIFailure.field(name, "Allocating by '\(name)' is not supported.")
        }
        let constraints = try Constraints(parsing: call.form.textsByName)
        let isDryRun = try call.boolean("dry_run") ?? false
        let isVerbose = try call.boolean("verbose") ?? false
        let user = try call.user.username
        let agentName = call.form.text("agent_name") ?? ""
        let object = try await call.store.transaction { transaction in
            try await Self.check(constraints, in: transaction)
            // One allocation at a time: two callers never get the same machine, and neither gets "none" while one is free.
            try await transaction.lockAllocation()
            var filter = MachineFilter()
            filter.statuses = [.ready]
            let candidates = try await transaction.machines(matching: filter)
            guard let chosen = Placement.choose(constraints, among: candidates) else {
                throw APIFailure.conflict(Self.refusal(constraints, hasCandidates: !candidates.isEmpty))
            }
            guard var machine = try await transaction.lockMachine(chosen.id) else { throw APIFailure.conflict("No machine available.") }
            if !isDryRun {
                let request = MachineRequest.allocate(owner: user, agentName: agentName)
                let events = try call.region.lifecycle.apply(request, to: &machine, by: user, now: call.now)
                machine = try await transaction.update(machine)
                try await transaction.append(events)
                if let comment = call.form.text("comment") {
                    try await transaction.append([call.event(machine, "Allocated", String(comment.prefix(1024)))])
                }
            }
            return try await call.rendered(machine, in: transaction)
        }
        guard var answer = object.objectValue, isVerbose else { return .json(object) }
        answer["constraint_map"] = [:]
        return .json(.object(answer))
    }

    /// Names that do not exist are errors, not just a lack of machines.
    private static func check(_ constraints: Constraints, in transaction: StoreTransaction) async throws {
        for name in [constraints.zone].compactMap(\.self) + constraints.notZones where try await transaction.zone(named: name) == nil {
            throw APIFailure.field(name == constraints.zone ? "zone" : "not_in_zone", "No such zone: '\(name.prefix(80))'.")
        }
        for name in [constraints.pool].compactMap(\.self) + constraints.notPools where try await transaction.pool(named: name) == nil {
            throw APIFailure.field(name == constraints.pool ? "pool" : "not_in_pool", "No such pool: '\(name.prefix(80))'.")
        }
        guard !constraints.tags.isEmpty || !constraints.notTags.isEmpty else { return }
        let known = Set(try await transaction.tags().map(\.name))
        for (field, names) in [("tags", constraints.tags), ("not_tags", constraints.notTags)] {
            let unknown = names.filter { !known.contains($0) }
            if !unknown.isEmpty {
                throw APIFailure.field(field, "No such tag(s): \(unknown.prefix(20).map { "'\($0.prefix(80))'" }.joined(separator: ", ")).")
            }
        }
    }

    private static func refusal(_ constraints: Constraints, hasCandidates: Bool) -> String {
        if let id = constraints.systemID { return "No machine with system ID \(id) available." }
        let summary = constraints.summary
        guard !summary.isEmpty else { return "No machine available." }
        return hasCandidates
            ? "No available machine matches constraints: \(summary) (resolved to \"\(summary)\")"
            : "No available machine matches constraints: \(summary) (no machine is Ready)"
    }
}
