// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import APIClient
import ArgumentParser
import JSON
import OneMachine

struct Images: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at operating systems and boot images.", subcommands: [List.self, Import.self], defaultSubcommand: List.self
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the images.")
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let client = try GantryClient(profile: .load())
            self.output.show(try await client.get("boot-resources/")) { resources in
                var table = Table("ID", "NAME", "ARCHITECTURE", "TYPE")
                for resource in resources.arrayValue ?? [] {
                    table.add("\(resource["id"]?.intValue ?? 0)", resource.word("name"), resource.word("architecture"), resource.word("type"))
                }
                return resources.arrayValue?.isEmpty == true ? "no images. Next: tools/build-image, then gantry images import" : table.text
            }
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Fetch what the boot sources have and this cloud does not.")
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let client = try GantryClient(profile: .load())
            try await ImageImport(client: client, progress: TerminalProgress()).run()
            self.output.show(try await client.get("boot-resources/")) { "\($0.arrayValue?.count ?? 0) images. Next: gantry images" }
        }
    }
}
