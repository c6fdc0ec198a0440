// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Chooses the machine that an allocation gets.
public enum Placement {
    /// Whether a machine meets the constraints, whatever its state.
    public static func matches(_ machine: Machine, _ constraints: Constraints) -> Bool {
        if let name = constraints.name, name != machine.hostname, name != "\(machine.hostname).maas" { return false }
        if let systemID = constraints.systemID, systemID != machine.id { return false }
        if !constraints.architectures.isEmpty, !constraints.architectures.contains(where: { Self.fits(machine.architecture, $0) }) {
            return false
        }
        if let cpuCount = constraints.cpuCount, machine.cpuCount < cpuCount { return false }
        if let memoryMiB = constraints.memoryMiB, machine.memoryMiB < memoryMiB { return false }
        let tags = Set(machine.tags)
        if !tags.isSuperset(of: constraints.tags) || !tags.isDisjoint(with: constraints.notTags) { return false }
        if let zone = constraints.zone, zone != machine.zone { return false }
        if let pool = constraints.pool, pool != machine.pool { return false }
        return !constraints.notZones.contains(machine.zone) && !constraints.notPools.contains(machine.pool)
    }

    /// The cheapest free machine that meets the constraints: the fewest cores plus GiB of memory, then the lowest id (MAAS:
    /// `reorder_nodes_by_cost`).
    public static func choose(_ constraints: Constraints, among machines: [Machine]) -> Machine? {
        machines
            .filter { $0.status == .ready && $0.operation == nil && !$0.locked && Self.matches($0, constraints) }
            .min { Self.cost($0) == Self.cost($1) ? $0.id < $1.id : Self.cost($0) < Self.cost($1) }
    }

    private static func cost(_ machine: Machine) -> Int {
        machine.cpuCount * 1024 + machine.memoryMiB
    }

    /// `amd64` fits every `amd64/…`; `amd64/generic` only itself.
    private static func fits(_ architecture: String, _ wanted: String) -> Bool {
        architecture == wanted || (!wanted.contains("/") && architecture.hasPrefix(wanted + "/"))
    }
}
