// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import Lifecycle
internal import PostgresStorage

/// `POST machines/`: by an administrator, or by a machine that boots for the first time.
enum MachineCreation {
    private static let maximumInterfaces = 64
    /// A machine whose answer got lost may ask again for so long.
    private static let enlistmentWindow = Duration.seconds(600)

    static func create(_ call: APICall) async throws -> APIResponse {
        let addresses = try call.form.list("mac_addresses").map { try Names.macAddress($0) }
        guard !addresses.isEmpty else { throw APIFailure.required("mac_addresses") }
        guard addresses.count <= Self.maximumInterfaces else {
            throw APIFailure.field("mac_addresses", "Expected at most \(Self.maximumInterfaces).")
        }
        guard Set(addresses).count == addresses.count else { throw APIFailure.field("mac_addresses", "An address is given twice.") }
        let architecture = try Names.architecture(try call.required("architecture"), subarchitecture: call.form.text("subarchitecture"))
        let power = try PowerFields.read(call.form, current: nil) ?? PowerConfiguration(type: .manual, parameters: [:])
        let hostname = try call.form.text("hostname").map { try Names.hostname($0) }
        try Self.checkDomain(call)
        let commission = try call.boolean("commission")
        return try await call.store.transaction { transaction in
            if case .anonymous = call.caller, let known = try await Self.enlistedBefore(addresses, call, in: transaction) {
                return .json(try await call.renderer(of: [known], in: transaction).anonymousMachine(known))
            }
            var generator = SystemRandomNumberGenerator()
            let id = try await Self.newID(in: transaction, using: &generator)
            let name: String
            if let hostname { name = hostname } else { name = try await Self.newHostname(in: transaction, using: &generator) }
            var machine = Machine(id: id, hostname: name, architecture: architecture, powerType: power.type, created: call.now)
            machine.interfaces = addresses.enumerated().map { NetworkInterface(id: 0, name: "eth\($0)", macAddress: $1) }
            machine.description = call.form.text("description") ?? ""
            machine.minHWEKernel = call.form.text("min_hwe_kernel") ?? ""
            if call.caller.isAdministrator {
                machine.zone = call.form.text("zone") ?? machine.zone
                machine.pool = call.form.text("pool") ?? machine.pool
            }
            try await InterfacePlacement.place(&machine, in: transaction)
            machine = try await transaction.insert(machine, power: power)
            machine.bootInterfaceID = machine.interfaces.first { $0.macAddress == addresses[0] }?.id
            let events = try await Self.begin(&machine, commission: commission, call, in: transaction)
            machine = try await transaction.update(machine)
            try await transaction.append(events)
            let renderer = try await call.renderer(of: [machine], in: transaction)
            return .json(call.caller.isAdministrator ? renderer.machine(machine) : renderer.anonymousMachine(machine))
        }
    }

    /// What happens next: an administrator's machine is commissioned unless told not to; one that runs the ephemeral OS goes on right there.
    private static func begin(
        _ machine: inout Machine, commission: Bool?, _ call: APICall, in transaction: StoreTransaction
    ) async throws -> [Event] {
        if call.caller.isAdministrator {
            guard commission ?? true else { return [call.event(machine, "Created", "\(machine.hostname) was added")] }
            let options = CommissioningStart.options(call.form)
            let user = try call.user.username
            let events = try call.region.lifecycle.apply(.commission(options: options), to: &machine, by: user, now: call.now)
            try await CommissioningStart.prepare(&machine, in: transaction)
            return events
        }
        // Only what comes through a rack is known to run our ephemeral OS.
        guard commission ?? false, call.caller == .anonymous, call.request.origin.isRack else {
            return [call.event(machine, "Enlisted", "\(machine.hostname) made itself known")]
        }
        let events = call.region.lifecycle.enlist(&machine, now: call.now)
        try await CommissioningStart.prepare(&machine, in: transaction)
        return events
    }

    /// The machine that the same request made a moment ago.
    private static func enlistedBefore(_ addresses: [MACAddress], _ call: APICall, in transaction: StoreTransaction) async throws -> Machine? {
        guard let known = try await transaction.machine(mac: addresses[0]), Set(known.interfaces.map(\.macAddress)) == Set(addresses),
            known.status == .new || known.status == .commissioning, call.now.since(known.created) < Self.enlistmentWindow
        else { return nil }
        return known
    }

    static func checkDomain(_ call: APICall) throws {
        guard let domain = call.form.text("domain") else { return }
        guard domain == APIRenderer.domain || domain == "0" else {
            throw APIFailure.field("domain", "Unable to find domain \(domain.prefix(80)); there is only '\(APIRenderer.domain)'.")
        }
    }

    private static func newID(in transaction: StoreTransaction, using generator: inout some RandomNumberGenerator) async throws -> SystemID {
        for _ in 0..<20 {
            let id = SystemID.random(using: &generator)
            if try await transaction.machine(id) == nil { return id }
        }
        throw APIFailure.unavailable("No free system id was found.")
    }

    /// Two words that are easy to say.
    private static func newHostname(in transaction: StoreTransaction, using generator: inout some RandomNumberGenerator) async throws -> String {
        for round in 0..<20 {
            let names = (0..<8).compactMap { _ -> String? in
                guard let first = Self.adjectives.randomElement(using: &generator), let second = Self.animals.randomElement(using: &generator) else {
                    return nil
                }
                return round < 10 ? "\(first)-\(second)" : "\(first)-\(second)-\(Int.random(in: 2...9999, using: &generator))"
            }
            let taken = try await transaction.takenHostnames(among: names)
            if let free = names.first(where: { !taken.contains($0) }) { return free }
        }
        throw APIFailure.unavailable("No free host name was found.")
    }

    private static let adjectives = [
        "able", "agile", "amber", "apt", "bold", "brave", "brisk", "calm", "clean", "clear", "cool", "crisp", "deft", "early", "eager", "fair",
        "fast",
        "fine", "firm", "fond", "free", "fresh", "glad", "golden", "grand", "green", "happy", "hardy", "honest", "keen", "kind", "large", "light",
        "lively", "loyal", "lucky", "mellow", "merry", "mild", "neat", "noble", "polite", "prime", "proud", "quick", "quiet", "rapid", "rare",
        "ready",
        "sharp", "silent", "smart", "solid", "steady", "still", "sunny", "swift", "tidy", "true", "vivid", "warm", "wise", "witty", "young",
    ]

    private static let animals = [
        "adder", "badger", "bear", "beaver", "bison", "camel", "cat", "cobra", "cod", "crane", "crow", "deer", "dingo", "dove", "eagle", "eel",
        "egret",
        "elk", "falcon", "ferret", "finch", "fox", "frog", "gecko", "gnu", "goose", "hare", "hawk", "heron", "horse", "ibex", "jackal", "kite",
        "koala",
        "lark", "lemur", "lion", "llama", "lynx", "mole", "moose", "moth", "newt", "orca", "otter", "owl", "panda", "pike", "puffin", "quail",
        "raven",
        "robin", "salmon", "seal", "shrew", "stork", "swan", "tapir", "tern", "tiger", "toad", "trout", "walrus", "wasp", "whale", "wolf", "wren",
        "yak",
    ]
}
