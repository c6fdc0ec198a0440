// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import APIClient
import ArgumentParser
import JSON

extension Machines {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the machines.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let machines = try await GantryClient(profile: .load()).get("machines/")
            self.output.show(machines) { machines in
                var table = Table("NAME", "ID", "STATUS", "POWER", "CPUS", "MEMORY", "OWNER", "ADDRESSES", "DOING")
                for machine in machines.arrayValue ?? [] {
                    let addresses = (machine["ip_addresses"]?.arrayValue ?? []).compactMap(\.stringValue)
                    table.add(
                        machine.word("hostname"), machine.word("system_id"), machine.word("status_name"), machine.word("power_state"),
                        "\(machine["cpu_count"]?.intValue ?? 0)", "\(machine["memory"]?.intValue ?? 0) MiB", machine.word("owner"),
                        addresses.joined(separator: ","), machine.word("status_message")
                    )
                }
                return machines.arrayValue?.isEmpty == true ? "no machines yet: switch one on in a network that a rack serves" : table.text
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show everything about a machine.")

        @Argument(help: "The machine.") var machine: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let client = try GantryClient(profile: .load())
            let id = try await client.machineID(self.machine)
            self.output.show(try await client.get("machines/\(id)/")) { Self.text($0) }
        }

        private static func text(_ machine: JSONValue) -> String {
            var table = Table("MACHINE", machine.word("fqdn"))
            for key in [
                "system_id", "status_name", "status_message", "error_description", "power_state", "power_type", "owner", "architecture",
                "bios_boot_method", "cpu_count", "memory", "storage", "osystem", "distro_series",
            ] {
                table.add(key, machine[key].map(\.words) ?? "")
            }
            table.add("zone", machine["zone"]?.word("name") ?? "")
            table.add("pool", machine["pool"]?.word("name") ?? "")
            table.add("tags", (machine["tag_names"]?.arrayValue ?? []).compactMap(\.stringValue).joined(separator: ", "))
            for (key, value) in machine["hardware_info"]?.objectValue?.members ?? [] { table.add(key, value.words) }
            for interface in machine["interface_set"]?.arrayValue ?? [] {
                table.add("interface \(interface.word("name"))", interface.word("mac_address"))
            }
            for disk in machine["physicalblockdevice_set"]?.arrayValue ?? [] {
                table.add(
                    "disk \(disk.word("name"))", "\((disk["size"]?.intValue ?? 0) / 1_000_000_000) GB \(disk.word("model")) \(disk.word("serial"))")
            }
            return table.text
        }
    }

    struct Timeline: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show everything that happened to a machine, in order.",
            discussion: "DHCP, TFTP, HTTP, metadata, power and lifecycle events: where a boot got stuck is where the list ends."
        )

        @Argument(help: "The machine.") var machine: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let client = try GantryClient(profile: .load())
            let id = try await client.machineID(self.machine)
            self.output.show(try await client.get("machines/\(id)/", [("op", "timeline")])) { answer in
                (answer["events"]?.arrayValue ?? answer.arrayValue ?? []).map(EventText.line).joined(separator: "\n")
            }
        }
    }
}

extension JSONValue {
    /// A member's text; empty when there is none.
    func word(_ key: String) -> String {
        self[key]?.stringValue ?? ""
    }

    /// The value for people.
    var words: String {
        switch self {
        case .string(let text): text
        case .null: ""
        default: self.text
        }
    }
}

extension GantryClient {
    /// The system id of a machine named by its id, host name or full name.
    func machineID(_ name: String) async throws -> String {
        let machines = try await self.get("machines/").arrayValue ?? []
        let found = machines.first { $0.word("system_id") == name || $0.word("hostname") == name || $0.word("fqdn") == name }
        guard let id = found?["system_id"]?.stringValue else {
            throw APIError(message: "there is no machine '\(name)'. Next: gantry machines list")
        }
        return id
    }
}
