// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import HTTPForms
import Subprocess
import Testing

@testable import RegionAPI

@Suite struct InnerPartsTests {
    @Test func `tar reads the archives of scripts`() async throws {
        var archive = TarArchive()
        archive.add("commissioning_scripts/a", Array("#!/bin/sh\n".utf8))
        archive.add("index.json", [UInt8](repeating: 65, count: 1024), mode: 0o644)
        archive.add("empty", [])
        let listing = try await run(
            .name("tar"), arguments: ["-tvf", "-"], input: .array(archive.finished()), output: .string(limit: 4096), error: .string(limit: 4096)
        )
        #expect(listing.terminationStatus.isSuccess)
        let lines = listing.standardOutput.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("-rwxr-xr-x root/root"))
        #expect(lines[1].contains(" 1024 "))
    }

    @Test func `a stream remembers what it has sent`() {
        var sent = SentEvents(last: 10, capacity: 3)
        #expect(sent.contains(10))
        #expect(!sent.contains(11))
        sent.insert(12)
        #expect(!sent.contains(11), "a lower number may come later")
        sent.insert(11)
        sent.insert(13)
        #expect(sent.last == 13)
        sent.insert(14)
        #expect(sent.contains(11), "forgotten ones count as sent")
        #expect(sent.contains(14))
        #expect(!sent.contains(15))
    }

    @Test func `literal paths go before parameters`() {
        let table = AllResources.table
        let routes = RouteTable(table)
        #expect(routes.match(["machines"])?.resource.name == "Machines")
        #expect(routes.match(["machines", "abc"])?.parameters == ["system_id": "abc"])
        #expect(routes.match(["fabrics", "0", "vlans", "5"])?.resource.name == "Vlan")
        #expect(routes.match(["vlans", "5"])?.parameters == ["id": "5"])
        #expect(routes.match(["subnets", "10.0.0.0", "24"])?.parameters == ["address": "10.0.0.0", "prefix": "24"])
        #expect(routes.match(["account", "prefs", "sshkeys"])?.resource.name == "SSHKeys")
        #expect(routes.match([]) == nil)
        #expect(Set(table.map(\.name)).count == table.count, "names are unique")
    }

    @Test func `a service address that could break out of a document is not believed`() throws {
        func base(_ service: String, isRack: Bool) throws -> String {
            try APIRequest(
                method: "GET", uri: "/", headers: ["host": "region:5240", "x-gantry-service": service],
                origin: APIRequest.Origin(isRack: isRack, peer: ""), limits: FormLimits()
            ).baseURL
        }
        #expect(try base("http://10.0.0.1:5248", isRack: true) == "http://10.0.0.1:5248")
        #expect(try base("http://10.0.0.1:5248", isRack: false) == "http://region:5240")
        #expect(try base("http://x\"\n", isRack: true) == "http://region:5240")
    }
}
