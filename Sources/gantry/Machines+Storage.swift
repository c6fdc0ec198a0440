// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import APIClient
import ArgumentParser
import JSON

extension Machines {
    struct Layout: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Choose how the boot disk of a machine will be laid out.",
            discussion: "flat, lvm or blank; for the next deployment. Sizes are bytes, also with k, M, G, T (powers of 1000) or %."
        )

        @Argument(help: "The machine.") var machine: String
        @Argument(help: "flat, lvm or blank.") var layout: String
        @Option(help: "The disk to install on: its id or name.") var rootDevice: String?
        @Option(help: "The size of a partition for /boot; none when left out.") var bootSize: String?
        @Option(help: "The size of the root's partition, or of the volume group's.") var rootSize: String?
        @Option(help: "The volume group's name.") var vgName: String?
        @Option(help: "The root volume's name.") var lvName: String?
        @Option(help: "The root volume's size; the whole group when left out.") var lvSize: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let client = try GantryClient(profile: .load())
            let id = try await client.machineID(self.machine)
            let choices = [
                ("root_device", self.rootDevice), ("boot_size", self.bootSize), ("root_size", self.rootSize), ("vg_name", self.vgName),
                ("lv_name", self.lvName), ("lv_size", self.lvSize),
            ]
            let form = [("storage_layout", self.layout)] + choices.compactMap { name, value in value.map { (name, $0) } }
            let machine = try await client.post("machines/\(id)/", operation: "set_storage_layout", form)
            self.output.show(machine) { machine in
                var table = Table("PART", "SIZE", "USED FOR")
                let parts = (machine["boot_disk"]?["partitions"]?.arrayValue ?? []) + (machine["virtualblockdevice_set"]?.arrayValue ?? [])
                for part in parts {
                    let name = part.word("path").split(separator: "/").last.map(String.init) ?? ""
                    table.add(name, "\((part["size"]?.intValue ?? 0) >> 20) MiB", part.word("used_for"))
                }
                return parts.isEmpty ? "\(machine.word("hostname")) has no root file system: it can't be deployed" : table.text
            }
        }
    }

    struct EraseCertificates: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the proofs that the disks of a machine were erased.",
            discussion: "One for each disk and erasure, the newest first. Times and methods are what the machine reported."
        )

        @Argument(help: "The machine.") var machine: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let client = try GantryClient(profile: .load())
            let id = try await client.machineID(self.machine)
            self.output.show(try await client.get("machines/\(id)/", [("op", "erase_certificates")])) { certificates in
                let texts = (certificates.arrayValue ?? []).map(Self.text)
                return texts.isEmpty ? "no disk of this machine was erased yet" : texts.joined(separator: "\n\n")
            }
        }

        private static func text(_ certificate: JSONValue) -> String {
            var table = Table("CERTIFICATE", certificate["id"]?.words ?? "")
            for (title, key) in [
                ("machine", "system_id"), ("disk", "disk"), ("model", "model"), ("serial", "serial"), ("bytes", "size"), ("method", "method"),
                ("standard", "standard"), ("verification", "verification"), ("bytes read back", "verified_bytes"), ("started", "started"),
                ("finished", "finished"), ("seconds", "duration_seconds"), ("recorded", "created"), ("agent version", "agent_version"),
            ] {
                table.add(title, certificate[key]?.words ?? "")
            }
            table.add("result", certificate["verified"] == true ? "erased and verified" : "not verified")
            for reason in certificate["not_used"]?.arrayValue ?? [] { table.add("not used", reason.words) }
            return table.text
        }
    }
}
