// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import Lifecycle
internal import PostgresStorage

/// `machines/{system_id}/`.
enum MachineHandlers {
    private static let comment = Parameter.optional("comment", "For the event log.")

    static let resources = [
        Resource(
            name: "Machine", path: "machines/{system_id}/", text: "Manage an individual machine.",
            actions: restful + work + state + information
        )
    ]

    private static let restful = [
        Action("GET", "Read a machine") { call in
            .json(
                try await call.store.read { transaction in
                    try await call.rendered(try await call.machine(in: transaction), in: transaction)
                }
            )
        },
        Action(
            "PUT", "Update a machine",
            parameters: [
                .optional("hostname", "The new host name."), .optional("description", "A description."), .optional("domain", "The domain."),
                .optional("zone", "The zone's name."), .optional("pool", "The pool's name."), .optional("architecture", "Such as amd64/generic."),
                .optional("min_hwe_kernel", "The oldest kernel to run."), .optional("power_type", "ipmi or manual."),
                .optional("power_parameters_{param}", "A parameter of the power type."),
                .optional("cpu_count", "The number of cores.", kind: "Integer"),
                .optional("memory", "Memory in MiB.", kind: "Integer"), .optional("swap_size", "Bytes of swap.", kind: "Integer"),
            ], access: .administrator, run: MachineUpdate.update
        ),
        Action("DELETE", "Delete a machine", access: .administrator) { call in
            let id = try call.systemID
            try await call.store.transaction { transaction in
                guard let machine = try await transaction.lockMachine(id) else { throw APIFailure.notFound("There is no machine '\(id)'.") }
                guard !machine.locked else { throw APIFailure.conflict("\(machine.hostname) is locked; unlock it first.") }
                try await transaction.deleteMachine(id)
                try await transaction.append([call.event(machine, "Deleted", "\(machine.hostname) was deleted")])
            }
            return .noContent
        },
    ]

    private static let work = [
        Action(
            "POST", op: "commission", "Commission a machine", text: "Boots the machine to find out what is in it, and tests it.",
            parameters: [
                .optional("enable_ssh", "Keep the machine on, with SSH.", kind: "Boolean"),
                .optional("skip_bmc_config", "Leave the BMC alone.", kind: "Boolean"),
                .optional("skip_networking", "Keep the network configuration.", kind: "Boolean"),
                .optional("skip_storage", "Keep the storage configuration.", kind: "Boolean"),
                .optional("commissioning_scripts", "Names of scripts."),
                .optional("testing_scripts", "Names of scripts."),
            ], access: .administrator
        ) { call in
            let user = try call.user.username
            let options = CommissioningStart.options(call.form)
            return try await call.change(.administer) { machine, transaction in
                let events = try call.region.lifecycle.apply(.commission(options: options), to: &machine, by: user, now: call.now)
                if options["skip_storage"] != "true" { try await transaction.setStorageLayout(nil, of: machine.id) }
                try await CommissioningStart.prepare(&machine, in: transaction)
                return events
            }
        },
        Action(
            "POST", op: "deploy", "Deploy a machine", text: "Installs an operating system on a machine.",
            parameters: [
                .optional("distro_series", "The release, such as bookworm or debian/bookworm."), .optional("osystem", "The operating system."),
                .optional("user_data", "Data for cloud-init, in base64."), .optional("hwe_kernel", "The kernel."),
                .optional("agent_name", "Kept with the machine."), Self.comment,
            ], run: Deployment.deploy
        ),
        Action(
            "POST", op: "release", "Release a machine",
            parameters: [
                Self.comment, .optional("erase", "Erase the disks.", kind: "Boolean"),
                .optional("secure_erase", "By the devices' own means.", kind: "Boolean"),
                .optional("quick_erase", "Only the beginnings and ends.", kind: "Boolean"),
                .optional("force", "Also when it is not sure that it works.", kind: "Boolean"),
            ]
        ) { call in
            let id = try call.systemID
            let object = try await call.store.transaction { transaction in
                guard var machine = try await transaction.lockMachine(id) else { throw APIFailure.notFound("There is no machine '\(id)'.") }
                try call.require(.own, on: machine)
                if machine.status != .ready, machine.status != .releasing { try await Release.apply(call, to: &machine, in: transaction) }
                return try await call.rendered(machine, in: transaction)
            }
            return .json(object)
        },
        StorageLayouts.action,
        Action("POST", op: "abort", "Abort a machine operation", parameters: [Self.comment]) { call in try await call.apply(.own, .abort) },
    ]

    private static let state = [
        Action(
            "POST", op: "power_on", "Turn on a machine", parameters: [.optional("user_data", "Data for cloud-init, in base64."), Self.comment]
        ) { call in try await call.apply(.own, .power(.on)) },
        Action(
            "POST", op: "power_off", "Power off a machine", parameters: [.optional("stop_mode", "hard or soft."), Self.comment]
        ) { call in
            let mode = call.form.text("stop_mode") ?? "hard"
            guard mode == "hard" || mode == "soft" else { throw APIFailure.field("stop_mode", "'\(mode.prefix(40))' is not hard or soft.") }
            return try await call.apply(.own, .power(mode == "soft" ? .softOff : .off))
        },
        Action(
            "POST", op: "power_cycle", "Turn a machine off and on again", text: "Gantry's own: MAAS has no such operation.",
            parameters: [Self.comment]
        ) { call in
            try await call.apply(.own, .power(.cycle))
        },
        Action("POST", op: "lock", "Lock a machine", text: "Keeps it from being changed by accident.", parameters: [Self.comment]) { call in
            try await call.apply(.own, .lock)
        },
        Action("POST", op: "unlock", "Unlock a machine", parameters: [Self.comment]) { call in try await call.apply(.own, .unlock) },
        Action("POST", op: "mark_broken", "Mark a machine as broken", parameters: [Self.comment]) { call in
            try await call.apply(.own, .markBroken(comment: call.form.text("comment") ?? ""))
        },
        Action("POST", op: "mark_fixed", "Mark a machine as fixed", parameters: [Self.comment], access: .administrator) { call in
            try await call.apply(.administer, .markFixed)
        },
        Action(
            "POST", op: "set_owner_data", "Set owner data", text: "Any key=value; an empty value removes the key.",
            parameters: [.optional("key", "Any key.")], run: Self.setOwnerData
        ),
        Action(
            "POST", op: "set_workload_annotations", "Set workload annotations", text: "Any key=value; an empty value removes the key.",
            parameters: [.optional("key", "Any key.")], run: Self.setOwnerData
        ),
    ]

    private static let information = [
        Action("GET", op: "power_parameters", "Get power parameters", access: .administrator) { call in
            let power = try await call.store.read { transaction in try await transaction.power(of: try await call.machine(in: transaction).id) }
            return .json(PowerFields.object(power))
        },
        Action("GET", op: "query_power_state", "Get the power state", text: "Asks the BMC, now.", run: Self.queryPower),
        Action("GET", op: "get_token", "Get a machine token", access: .administrator) { call in
            let token = try await call.store.read { transaction in
                try await transaction.existingMachineToken(try await call.machine(in: transaction).id)
            }
            guard let token else { return .json(.null) }
            return .json(
                [
                    "consumer_key": .string(token.consumerKey), "token_key": .string(token.tokenKey), "token_secret": .string(token.tokenSecret),
                ]
            )
        },
        Action("GET", op: "details", "Get system details", text: "A BSON document with what commissioning printed.", run: NodeHandlers.details),
        Action(
            "GET", op: "timeline", "Get the machine's timeline", text: "Every event of the machine, the oldest first. Gantry's own.",
            run: Self.timeline),
        Action("GET", op: "erase_certificates", "List erase certificates", text: "The proofs that disks were erased. Gantry's own.") { call in
            try await call.store.read { transaction in
                let id = try await call.machine(in: transaction).id
                let reports = try await transaction.eraseReports(of: id)
                let certificates = try await transaction.eraseCertificates(of: id)
                return .json(.array(certificates.map { APIRenderer.eraseCertificate($0, report: reports[$0.id] ?? [:]) }))
            }
        },
    ]

    private static func setOwnerData(_ call: APICall) async throws -> APIResponse {
        try await call.change(.own) { machine, _ in
            for field in call.form.fields where !field.name.isEmpty {
                guard field.name.utf8.count <= 255, field.value.count <= 65536 else {
                    throw APIFailure.field("\(field.name.prefix(80))", "Key or value is too long.")
                }
                machine.ownerData[field.name] = field.value.isEmpty ? nil : field.text
            }
            guard machine.ownerData.count <= 1024 else { throw APIFailure.field("__all__", "Expected at most 1024 keys.") }
            return []
        }
    }

    private static func queryPower(_ call: APICall) async throws -> APIResponse {
        let machine = try await call.store.read { try await call.machine(in: $0) }
        guard machine.powerType != .manual else { return .json(["state": "unknown"]) }
        let state: PowerState
        do {
            state = try await call.region.services.queryPower(machine.id)
        } catch {
            throw APIFailure.unavailable("The BMC of \(machine.hostname) could not be asked: \(error)")
        }
        try await call.store.transaction { transaction in
            guard var machine = try await transaction.lockMachine(machine.id) else { return }
            let events = call.region.lifecycle.observe(.power(state), of: &machine, now: call.now)
            try await transaction.update(machine)
            try await transaction.append(events)
        }
        return .json(["state": .string(state.rawValue)])
    }

    /// All events, in pages of the store, oldest first.
    private static func timeline(_ call: APICall) async throws -> APIResponse {
        let events = try await call.store.read { transaction in
            let machine = try await call.machine(in: transaction)
            var query = EventQuery()
            query.machineIDs = [machine.id]
            query.limit = 1000
            var events: [Event] = []
            while events.count < Self.maximumTimeline {
                let page = try await transaction.events(query)
                events += page
                guard page.count == query.limit, let last = page.last else { break }
                query.before = last.id
            }
            return events
        }
        return .json(.array(events.reversed().map(APIRenderer.event)))
    }

    /// Events in one answer: the newest so many.
    private static let maximumTimeline = 20_000
}
