// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import HTTPForms
internal import PostgresStorage

/// `PUT machines/{system_id}/`.
enum MachineUpdate {
    static func update(_ call: APICall) async throws -> APIResponse {
        try MachineCreation.checkDomain(call)
        let form = call.form
        return try await call.change(.administer) { machine, transaction in
            if let name = form.text("hostname") { machine.hostname = try Names.hostname(name) }
            if let text = form.rawText("description") { machine.description = text }
            if let zone = form.text("zone") { machine.zone = try await Self.zone(zone, in: transaction) }
            if let pool = form.text("pool") { machine.pool = try await Self.pool(pool, in: transaction) }
            if let architecture = form.text("architecture") { machine.architecture = try Names.architecture(architecture) }
            if let kernel = form.rawText("min_hwe_kernel") { machine.minHWEKernel = kernel }
            if let count = try call.integer("cpu_count", in: 0...65536) { machine.cpuCount = count }
            if let memory = try call.integer("memory", in: 0...(1 << 40)) { machine.memoryMiB = memory }
            if let swap = try call.integer("swap_size") { machine.swapSizeBytes = swap }
            let current = try await transaction.power(of: machine.id)
            if let power = try PowerFields.read(form, current: current) {
                try await transaction.setPower(power, of: machine.id)
                machine.powerType = power.type
            }
            return [call.event(machine, "Updated", "changed: \(Set(form.fields.map(\.name)).sorted().prefix(20).joined(separator: ", "))")]
        }
    }

    /// By name or id.
    private static func zone(_ text: String, in transaction: StoreTransaction) async throws -> String {
        if let zone = try await transaction.zone(named: text) { return zone.name }
        if let id = Int(text), let zone = try await transaction.zone(id: id) { return zone.name }
        throw APIFailure.field("zone", "Select a valid choice. '\(text.prefix(80))' is no zone.")
    }

    /// By name or id.
    private static func pool(_ text: String, in transaction: StoreTransaction) async throws -> String {
        if let pool = try await transaction.pool(named: text) { return pool.name }
        if let id = Int(text), let pool = try await transaction.pool(id: id) { return pool.name }
        throw APIFailure.field("pool", "Select a valid choice. '\(text.prefix(80))' is no pool.")
    }
}
