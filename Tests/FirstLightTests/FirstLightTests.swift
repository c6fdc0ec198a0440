// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import APIClient
import Domain
import FoundationEssentials
import JSON
import Lab
import OneMachine
import TestSupport
import Testing

/// Machines with virtual BMCs, from the power button to a deployed system and back, looked at from outside.
struct FirstLightTests {
    @Test(.timeLimit(.minutes(240)))
    func `machines go from their power button to Deployed and back to Ready, and a deployment that fails says why`() async throws {
        try await TestCloud.run { cloud in
            let machines = cloud.cloud.lab.machines
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await Self.wholeLife(machines[0], cloud) }
                group.addTask { try await Self.failedDeployment(machines[1], cloud) }
                try await group.waitForAll()
            }
        }
    }

    /// New, Commissioning, Ready, Allocated, Deploying, during which both controllers are killed, Deployed, a power cycle, Releasing with
    /// its disks erased, Ready.
    private static func wholeLife(_ machine: LabMachine, _ cloud: TestCloud) async throws {
        let id = try await cloud.cloud.enlist(machine, cloud.client)
        try await cloud.wait(id, until: "Ready")
        try await Self.isInventoried(id, machine, cloud)
        #expect(try await cloud.diskIsBlank(machine))

        let allocated = try await cloud.client.post("machines/", operation: "allocate", [("system_id", id)])
        #expect(allocated["status_name"]?.stringValue == "Allocated")
        let hostname = try #require(allocated["hostname"]?.stringValue)
        let before = try cloud.consoleLength(machine)
        _ = try await cloud.client.post("machines/\(id)/", operation: "deploy", [])
        #expect(try await cloud.status(id) == "Deploying")
        try await eventually(within: .seconds(3600), "the image is being written") { try cloud.console(machine, from: before).contains(" % of ") }
        try await cloud.kill("regiond")
        try await cloud.kill("rackd")
        try await cloud.wait(id, until: "Deployed")
        func logins() throws -> Int { try cloud.console(machine, from: before).ranges(of: "\(hostname) login:").count }
        try await eventually(within: .seconds(3600), "the installed system's console asks for a login") { try logins() >= 1 }
        let addresses = try await cloud.client.get("machines/\(id)/")["ip_addresses"]?.arrayValue?.compactMap(\.stringValue) ?? []
        try await cloud.cloud.reach(addresses)
        #expect(try await !cloud.diskIsBlank(machine))

        _ = try await cloud.client.post("machines/\(id)/", operation: "power_cycle", [])
        try await eventually(within: .seconds(3600), "the machine starts again from its disk") { try logins() >= 2 }
        #expect(try await cloud.status(id) == "Deployed")

        _ = try await cloud.client.post("machines/\(id)/", operation: "release", [("erase", "true")])
        try await cloud.wait(id, until: "Ready")
        try await eventually("the machine is off") { try await cloud.cloud.lab.powerState(of: machine.name) == .off }
        #expect(try await cloud.diskIsBlank(machine), "every byte of the disk is zero, read from outside")
        try await Self.timeline(of: id, has: ["DHCP", "HTTP", "Metadata", "Power", "Deployed", "Disks erased", "Ready"], cloud)
    }

    private static func isInventoried(_ id: String, _ machine: LabMachine, _ cloud: TestCloud) async throws {
        let known = try await cloud.client.get("machines/\(id)/")
        #expect(known["cpu_count"]?.intValue == machine.cpus)
        #expect(known["power_type"]?.stringValue == "ipmi")
        #expect(known["architecture"]?.stringValue == "amd64/generic")
        let disk = known["physicalblockdevice_set"]?.arrayValue?.first
        #expect(disk?["serial"]?.stringValue == "\(machine.name)-d0")
        #expect(disk?["size"]?.intValue == machine.diskGiB << 30)
    }

    /// Every kind of event of a machine's life is in its one list, in order.
    private static func timeline(of id: String, has kinds: [String], _ cloud: TestCloud) async throws {
        let answer = try await cloud.client.get("events/", [("op", "query"), ("id", id), ("limit", "1000"), ("level", "DEBUG")])
        let events = answer["events"]?.arrayValue ?? []
        let types = Set(events.compactMap { $0["type"]?.stringValue })
        for kind in kinds where !types.contains(where: { $0.hasPrefix(kind) }) { Issue.record("no \(kind) in \(types.sorted())") }
        let numbers = events.compactMap { $0["id"]?.intValue }
        #expect(numbers == numbers.sorted(by: >), "newest first")
    }

    /// The machine's disk turns out to be too small for the image: the step that fails is named with its output, and the machine is off.
    /// With the right disk the same machine is deployed.
    private static func failedDeployment(_ machine: LabMachine, _ cloud: TestCloud) async throws {
        let id = try await cloud.cloud.enlist(machine, cloud.client)
        try await cloud.wait(id, until: "Ready")
        try await cloud.resizeDisk(machine, mebibytes: 512)
        _ = try await cloud.client.post("machines/", operation: "allocate", [("system_id", id)])
        _ = try await cloud.client.post("machines/\(id)/", operation: "deploy", [])
        // Not answered while the region is killed for the other machine's sake: asked again.
        try await eventually(within: .seconds(7200), "the deployment fails") { (try? await cloud.status(id)) == "Failed deployment" }
        try await eventually(within: .seconds(600), "the machine is off") { try await cloud.cloud.lab.powerState(of: machine.name) == .off }
        let failed = try await cloud.client.get("machines/\(id)/")
        #expect(failed["error_description"]?.stringValue?.contains("fetch-image") == true, "\(failed["error_description"] ?? .null)")
        #expect(try await cloud.installationOutput(id).contains("No space left on device"))

        try await cloud.resizeDisk(machine, mebibytes: machine.diskGiB << 10)
        _ = try await cloud.client.post("machines/\(id)/", operation: "release", [])
        try await cloud.wait(id, until: "Ready")
        _ = try await cloud.client.post("machines/", operation: "allocate", [("system_id", id)])
        _ = try await cloud.client.post("machines/\(id)/", operation: "deploy", [])
        try await cloud.wait(id, until: "Deployed")
        let addresses = try await cloud.client.get("machines/\(id)/")["ip_addresses"]?.arrayValue?.compactMap(\.stringValue) ?? []
        try await cloud.cloud.reach(addresses)
        try await Self.timeline(of: id, has: ["TFTP", "Failed deployment"], cloud)
    }
}
