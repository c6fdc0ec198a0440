// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import APIClient
import ArgumentParser
import JSON
import OneMachine

/// Whether a command waits for the end of what it starts.
struct WaitOptions: ParsableArguments {
    @Flag(inversion: .prefixedNo, help: "Wait until the work is done, with a progress bar.")
    var wait = true

    @Option(help: "The longest wait, in minutes.")
    var minutes: Int = 60

    func follow(_ id: String, until goal: String, title: String, _ client: GantryClient, json: Bool) async throws {
        guard self.wait else {
            print(json ? try await client.get("machines/\(id)/").text : "\(title) \(id): started. Next: gantry machines timeline \(id)")
            return
        }
        let follower = MachineFollower(client: client, progress: TerminalProgress())
        try await follower.wait(for: id, until: goal, title: title, within: .seconds(self.minutes * 60))
        if json { print(try await client.get("machines/\(id)/").text) }
    }
}

extension Machines {
    struct Commission: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Boot a machine to be inventoried and tested.")

        @Argument(help: "The machine.") var machine: String
        @OptionGroup var waiting: WaitOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let client = try GantryClient(profile: .load())
            let id = try await client.machineID(self.machine)
            _ = try await client.post("machines/\(id)/", operation: "commission")
            try await self.waiting.follow(id, until: "Ready", title: "commissioning", client, json: self.output.json)
        }
    }

    struct Allocate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a free machine that meets constraints.",
            discussion: "Constraints are MAAS's, as KEY=VALUE: name, system_id, arch, cpu_count, mem, tags, not_tags, zone, pool …"
        )

        @Argument(help: "Constraints such as cpu_count=4 mem=8192.") var constraints: [String] = []
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let form = try self.constraints.map { text in
                guard let sign = text.firstIndex(of: "=") else { throw ValidationError("'\(text)': expected KEY=VALUE, such as cpu_count=4") }
                return (String(text[..<sign]), String(text[text.index(after: sign)...]))
            }
            let machine = try await GantryClient(profile: .load()).post("machines/", operation: "allocate", form)
            self.output.show(machine) {
                "allocated \($0.word("hostname")) (\($0.word("system_id"))). Next: gantry machines deploy \($0.word("hostname"))"
            }
        }
    }

    struct Deploy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Install an operating system on a machine.")

        @Argument(help: "The machine.") var machine: String
        @Option(help: "The release to install; the default one when left out.") var release: String?
        @Option(help: "A file with cloud-init user data.") var userData: String?
        @OptionGroup var waiting: WaitOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let client = try GantryClient(profile: .load())
            let id = try await client.machineID(self.machine)
            var form: [(String, String)] = []
            if let release { form.append(("distro_series", release)) }
            if let userData { form.append(("user_data", try Base64File.read(userData))) }
            _ = try await client.post("machines/\(id)/", operation: "deploy", form)
            try await self.waiting.follow(id, until: "Deployed", title: "deploying", client, json: self.output.json)
        }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give a machine back.")

        @Argument(help: "The machine.") var machine: String
        @Flag(help: "Erase every disk first, and read it back.") var erase = false
        @Flag(help: "Erase only the beginning and the end of each disk.") var quickErase = false
        @Flag(help: "Erase by the disks' own means; with --quick-erase, disks that have none are erased quickly.") var secureErase = false
        @OptionGroup var waiting: WaitOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let client = try GantryClient(profile: .load())
            let id = try await client.machineID(self.machine)
            var form: [(String, String)] = []
            if self.erase || self.quickErase || self.secureErase { form.append(("erase", "true")) }
            if self.quickErase { form.append(("quick_erase", "true")) }
            if self.secureErase { form.append(("secure_erase", "true")) }
            _ = try await client.post("machines/\(id)/", operation: "release", form)
            try await self.waiting.follow(id, until: "Ready", title: "releasing", client, json: self.output.json)
        }
    }

    struct Abort: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Stop what is being done with a machine.")

        @Argument(help: "The machine.") var machine: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let client = try GantryClient(profile: .load())
            let id = try await client.machineID(self.machine)
            let machine = try await client.post("machines/\(id)/", operation: "abort")
            self.output.show(machine) { "\($0.word("hostname")) is \($0.word("status_name")) again" }
        }
    }
}
