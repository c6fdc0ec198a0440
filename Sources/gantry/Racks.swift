// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import APIClient
import ArgumentParser
import JSON

struct Racks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at rack controllers, and take them out of service.", subcommands: [List.self, Drain.self, Undrain.self],
        defaultSubcommand: List.self
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the rack controllers.")
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let client = try GantryClient(profile: .load())
            self.output.show(try await client.get("rackcontrollers/")) { racks in
                var table = Table("ID", "HOSTNAME", "VERSION", "ADDRESSES")
                for rack in racks.arrayValue ?? [] {
                    let addresses = rack["ip_addresses"]?.arrayValue?.compactMap(\.stringValue) ?? []
                    table.add(rack.word("system_id"), rack.word("hostname"), rack.word("version"), addresses.joined(separator: " "))
                }
                return racks.arrayValue?.isEmpty == true ? "no rack controllers. Next: start rackd on one" : table.text
            }
        }
    }

    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have a rack hand its shared segments over and take none, so that it can be stopped.")
        @Argument(help: "The rack's system id.") var rack: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let client = try GantryClient(profile: .load())
            self.output.show(try await client.post("rackcontrollers/\(self.rack)/", operation: "drain")) { _ in
                "\(self.rack) hands its segments over. Next: gantry segments, and gantry racks undrain \(self.rack) afterwards"
            }
        }
    }

    struct Undrain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a rack take segments again.")
        @Argument(help: "The rack's system id.") var rack: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let client = try GantryClient(profile: .load())
            self.output.show(try await client.post("rackcontrollers/\(self.rack)/", operation: "undrain")) { _ in
                "\(self.rack) stands by again. Next: gantry segments"
            }
        }
    }
}
