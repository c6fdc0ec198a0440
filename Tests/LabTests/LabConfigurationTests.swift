// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import Lab

struct LabConfigurationTests {
    private let standard = LabConfiguration(stateDirectory: "/var/lib/lab", machineCount: 3)

    @Test func `a lab of three machines has addresses in order`() throws {
        try self.standard.validate()
        #expect(self.standard.machines.map(\.name) == ["lab-1", "lab-2", "lab-3"])
        #expect(self.standard.machines.map(\.bmcAddress.description) == ["10.99.0.21", "10.99.0.22", "10.99.0.23"])
        #expect(self.standard.machines.map(\.macAddress.description).last == "52:54:00:99:01:03")
        #expect(self.standard.rackAddress.description == "10.99.0.1")
        #expect(self.standard.regionAddress.description == "10.98.0.1")
        #expect(self.standard.rackUplinkAddress.description == "10.98.0.2")
        #expect(self.standard.rackNamespace == "gantry-lab-rack")
        #expect(self.standard.segmentNamespace == "gantry-lab-l2")
    }

    @Test(arguments: ["a", "gantry-lab", "twelve-chars", "thirteen-char", "a-prefix-that-is-far-too-long-for-an-interface"])
    func `the uplink's name fits an interface`(prefix: String) throws {
        let configuration = LabConfiguration(stateDirectory: "/x", prefix: prefix, machines: [])
        #expect(configuration.uplinkInterface.utf8.count <= 15)
        #expect(configuration.uplinkInterface == LabConfiguration(stateDirectory: "/y", prefix: prefix, machines: []).uplinkInterface)
    }

    @Test(arguments: ["relative", "/with space", "/with'quote", "/with$dollar", "/" + String(repeating: "x", count: 80), ""])
    func `a state directory that a shell would misread is refused`(path: String) {
        var configuration = self.standard
        configuration.stateDirectory = path
        let error = #expect(throws: LabError.self) { try configuration.validate() }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("stateDirectory") == true)
    }

    @Test func `what machines must not share is refused by name`() {
        func message(_ change: (inout LabConfiguration) -> Void) -> String {
            var configuration = self.standard
            change(&configuration)
            let error = #expect(throws: LabError.self) { try configuration.validate() }
            return error?.message ?? ""
        }
        #expect(message { $0.machines[1].name = "lab-1" }.contains("machine name"))
        #expect(message { $0.machines[1].name = "../etc" }.contains("machine name"))
        #expect(message { $0.machines[1].macAddress = $0.machines[0].macAddress }.contains("macAddress"))
        #expect(message { $0.machines[1].macAddress = MACAddress(rawValue: 0x01_00_00_00_00_01) }.contains("macAddress"))
        #expect(message { $0.machines[1].bmcAddress = $0.machines[0].bmcAddress }.contains("bmcAddress"))
        #expect(message { $0.machines[1].bmcAddress = $0.rackAddress }.contains("bmcAddress"))
        #expect(message { $0.machines[1].memoryMiB = 0 }.contains("memoryMiB"))
        #expect(message { $0.machines[1].diskCount = 17 }.contains("diskCount"))
        #expect(message { $0.prefix = "Ünsafe" }.contains("prefix"))
        #expect(message { $0.rackNamespace = $0.segmentNamespace }.contains("rackNamespace"))
        #expect(message { $0.uplinkNetwork = $0.network }.contains("network"))
        #expect(message { $0.machines = (1...101).map { .numbered($0, in: LabConfiguration.standardNetwork) } }.contains("at most 100"))
    }
}
