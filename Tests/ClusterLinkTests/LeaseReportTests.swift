// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ClusterMessages
import Domain
import Leasing
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif

/// The message that a rack sends most often, written by hand for its speed.
@Suite struct LeaseReportTests {
    private func report() throws -> LeaseReport {
        let rack = try #require(SystemID("3aaaaa"))
        let address = try #require(IPv4Address("10.1.2.3"))
        let client = MACAddress(rawValue: 0x5254_0012_3456)
        return LeaseReport(
            segmentID: 5, rack: rack,
            entries: [
                LeaseReport.Entry(address: address, generation: 0, state: .bound, client: client, remainingSeconds: 600, hostname: "node-1"),
                LeaseReport.Entry(address: address, generation: .max, state: .undecided, client: nil, remainingSeconds: 0),
                LeaseReport.Entry(address: address, generation: 7, state: .declined, client: nil, remainingSeconds: 1, hostname: #"a"\é"#),
                LeaseReport.Entry(address: address, generation: 7, state: .released, client: client, remainingSeconds: 1),
            ]
        )
    }

    @Test func `a report of leases reads as every JSON decoder reads what every JSON encoder writes`() throws {
        for entries in [try self.report().entries, []] {
            var report = try self.report()
            report.entries = entries
            let json = try #require(LeaseRackReport(.report(report)).encodedJSON)
            #expect(try JSONDecoder().decode(LeaseRackReport.self, from: Data(json)).message == .report(report))
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            let standard = try encoder.encode(JSONDecoder().decode(LeaseRackReport.self, from: Data(json)))
            #expect(try JSONDecoder().decode(LeaseRackReport.self, from: standard).message == .report(report))
        }
    }

    @Test func `other messages are left to the encoder`() throws {
        let demand = TokenDemand(segmentID: 5, rack: try #require(SystemID("3aaaaa")), journal: 1, wanted: 2, held: 3)
        #expect(LeaseRackReport(.demand(demand)).encodedJSON == nil)
    }
}
