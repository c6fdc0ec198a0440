// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import HTTPForms
internal import JSON
internal import Lifecycle
internal import PostgresStorage

/// Giving machines back.
enum Release {
    /// Applies a release with the form's choices to a locked machine, and stores it.
    static func apply(_ call: APICall, to machine: inout Machine, in transaction: StoreTransaction) async throws {
        let mode = try await Self.mode(call, in: transaction)
        var options: [String: String] = [:]
        if let comment = call.form.text("comment") { options["comment"] = String(comment.prefix(1024)) }
        let user = try call.user.username
        let events = try call.region.lifecycle.apply(.release(erase: mode, options: options), to: &machine, by: user, now: call.now)
        // What the last system on it knows is worth nothing from now on.
        _ = try await transaction.resetMachineToken(machine.id)
        try await transaction.setUserData(nil, of: machine.id)
        machine = try await transaction.update(machine)
        try await transaction.append(events)
    }

    /// How disks are erased: as asked, else as the settings say; nil for not at all.
    private static func mode(_ call: APICall, in transaction: StoreTransaction) async throws -> EraseMode? {
        func chosen(_ field: String, _ setting: String) async throws -> Bool {
            if let value = try call.boolean(field) { return value }
            return try await transaction.setting(setting)?.boolValue ?? false
        }
        let isQuick = try call.boolean("quick_erase") ?? false
        let isSecure = try call.boolean("secure_erase") ?? false
        if try call.boolean("erase") == false { return nil }
        guard try await chosen("erase", "enable_disk_erasing_on_release") else { return isQuick || isSecure ? Self.mode(isQuick, isSecure) : nil }
        let quick = try await chosen("quick_erase", "disk_erase_with_quick_erase")
        let secure = try await chosen("secure_erase", "disk_erase_with_secure_erase")
        return Self.mode(quick, secure)
    }

    /// As MAAS: with both, secure erase where the device has it, else quick. With neither, the best that each device has.
    private static func mode(_ isQuick: Bool, _ isSecure: Bool) -> EraseMode {
        switch (isQuick, isSecure) {
        case (true, true): .secureOrQuick
        case (true, false): .quick
        case (false, true): .secure
        case (false, false): .full
        }
    }
}
