// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Ephemeral
internal import HTTPForms
internal import Lifecycle
internal import PostgresStorage

/// What has to be there when a machine boots the ephemeral OS: its results to fill in, and a fresh key.
enum CommissioningStart {
    /// The choices of a commissioning that are kept with the operation.
    static func options(_ form: Form) -> [String: String] {
        var options: [String: String] = [:]
        for name in ["enable_ssh", "skip_networking", "skip_storage", "skip_bmc_config"] {
            if let value = form.boolean(name) { options[name] = value ? "true" : "false" }
        }
        if let comment = form.text("comment") { options["comment"] = String(comment.prefix(1024)) }
        return options
    }

    /// Makes the results of the built-in scripts for a machine, and gives it a new key: what an earlier system on it knows is worth nothing.
    static func prepare(_ machine: inout Machine, in transaction: StoreTransaction) async throws {
        let names = EphemeralAgent.commissioningScripts.map(\.name)
        let set = try await transaction.createResultSet(machine: machine.id, kind: .commissioning, scripts: names)
        machine.commissioningResultID = set.id
        _ = try await transaction.resetMachineToken(machine.id)
    }
}
