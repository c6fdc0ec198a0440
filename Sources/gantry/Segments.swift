// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import APIClient
import ArgumentParser
import JSON

struct Segments: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at the networks that racks serve together: who answers, who would take over, why it moved last."
    )
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let client = try GantryClient(profile: .load())
        self.output.show(try await client.get("segments/")) { segments in
            var table = Table("VLAN", "NAME", "ADDRESS", "ACTIVE", "SINCE", "TERM", "STANDBYS", "LAST TAKEOVER")
            for segment in segments.arrayValue ?? [] {
                let racks = segment["racks"]?.arrayValue ?? []
                let standbys = racks.filter { $0["role"]?.stringValue == "standby" && $0["connected"]?.boolValue == true }
                let takeover = segment["last_takeover"]
                let gap = takeover?["gap_ms"]?.intValue.map { " in \($0) ms" } ?? ""
                table.add(
                    "\(segment["vlan_id"]?.intValue ?? 0)", segment.word("name"), segment.word("service_address"), segment.word("active"),
                    segment.word("since"), "\(segment["term"]?.intValue ?? 0)", standbys.map { $0.word("system_id") }.joined(separator: " "),
                    (takeover?["reason"]?.stringValue).map { $0 + gap } ?? "none")
            }
            return segments.arrayValue?.isEmpty == true
                ? "no segment is shared. Next: give a VLAN a secondary_rack (PUT vlans/ID/)" : table.text
        }
    }
}
