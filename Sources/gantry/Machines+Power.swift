// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import APIClient
import ArgumentParser
import JSON

extension Machines {
    struct Power: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Switch a machine's power, or ask its BMC.", subcommands: [On.self, Off.self, Cycle.self, Status.self]
        )

        struct On: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Switch a machine on.")
            @Argument(help: "The machine.") var machine: String
            @OptionGroup var output: OutputOptions
            func run() async throws { try await Power.call("power_on", self.machine, self.output) }
        }

        struct Off: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Switch a machine off.")
            @Argument(help: "The machine.") var machine: String
            @Flag(help: "Ask its operating system to shut down.") var soft = false
            @OptionGroup var output: OutputOptions
            func run() async throws {
                try await Power.call("power_off", self.machine, self.output, [("stop_mode", self.soft ? "soft" : "hard")])
            }
        }

        struct Cycle: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Switch a machine off and on again.")
            @Argument(help: "The machine.") var machine: String
            @OptionGroup var output: OutputOptions
            func run() async throws { try await Power.call("power_cycle", self.machine, self.output) }
        }

        struct Status: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Ask a machine's BMC now.")
            @Argument(help: "The machine.") var machine: String
            @OptionGroup var output: OutputOptions
            func run() async throws {
                let client = try GantryClient(profile: .load())
                let id = try await client.machineID(self.machine)
                let answer = try await client.get("machines/\(id)/", [("op", "query_power_state")])
                self.output.show(answer) { $0.word("state") }
            }
        }

        static func call(_ operation: String, _ name: String, _ output: OutputOptions, _ form: [(String, String)] = []) async throws {
            let client = try GantryClient(profile: .load())
            let id = try await client.machineID(name)
            let machine = try await client.post("machines/\(id)/", operation: operation, form)
            output.show(machine) {
                "\($0.word("hostname")): \(operation.replacing("_", with: " ")) asked for. Next: gantry machines power status \(name)"
            }
        }
    }
}
