// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import JSON

extension InstallationPlanner {
    /// The plan that erases every disk of a machine and reads it back.
    ///
    /// - Parameter mode: `full` (the best that each device offers), `secure`, `secure_or_quick` or `quick`.
    /// - Throws: `InstallationError` when the machine has no disks, or the mode is none of these.
    public static func erasePlan(machine: Machine, mode: String) throws(InstallationError) -> JSONValue {
        guard ["full", "secure", "secure_or_quick", "quick"].contains(mode) else {
            throw InstallationError("erase mode '\(mode.prefix(40))': expected full, secure, secure_or_quick or quick")
        }
        guard !machine.blockDevices.isEmpty else { throw InstallationError("\(machine.hostname) has no disks that could be erased") }
        let disks = JSONValue.array(machine.blockDevices.map { .object(Self.reference($0)) })
        let names = machine.blockDevices.map(\.name).joined(separator: ", ")
        let steps = [
            Self.step("erase", "erase_disk", "Erasing \(names)", ["disks": disks, "mode": .string(mode == "full" ? "auto" : mode)]),
            Self.step("verify", "verify_erased", "Reading back \(names)", ["disks": disks, "full": .bool(mode != "quick")]),
            Self.step("poweroff", "poweroff", "Switching off"),
        ]
        return ["version": 1, "generation": .int(machine.generation), "steps": .array(steps)]
    }
}
