// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import FoundationEssentials
import Glibc
import Logging
import TestSupport
import Testing

@testable import Lab

/// A real lab of two machines, with names and addresses of its own, so that it can run beside another one. Needs root.
@Suite(.serialized)
struct LabTests {
    private let configuration: LabConfiguration
    private let lab: Lab

    init() throws {
        let process = UInt32(getpid())
        let uplink = try #require(
            IPv4Network(address: IPv4Address(rawValue: 0x0A61_0000 | (process << 2 & 0xFFFC)), prefixLength: 30))
        let network = LabConfiguration.standardNetwork
        var machines = [LabMachine.numbered(1, in: network), LabMachine.numbered(2, firmware: .uefi, in: network)]
        for index in machines.indices {
            machines[index].memoryMiB = 256
            machines[index].cpus = 1
            machines[index].diskGiB = 1
        }
        self.configuration = LabConfiguration(
            stateDirectory: "/tmp/gantry-lab-test-\(process)", prefix: "gantry-test-\(process)", uplinkNetwork: uplink, machines: machines)
        self.lab = try Lab(configuration: self.configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test(.timeLimit(.minutes(10)))
    func `machines are switched on by their BMCs, ask the network, and nothing is left of them at the end`() async throws {
        do {
            try await self.lab.up()
            try await self.machinesBoot()
            try await self.bootDeviceCountsOnce()
            try await self.simulatorIsRestarted()
            try await self.upAgainChangesNothing()
        } catch {
            try? await self.lab.down()
            throw error
        }
        let running = self.processes()
        #expect(running.contains { $0.contains("qemu-system") }, "\(running)")
        try await self.lab.down()
        #expect(self.processes().isEmpty, "\(self.processes())")
        let namespaces = try await LabNetwork.namespaces()
        #expect(!namespaces.contains(self.configuration.rackNamespace) && !namespaces.contains(self.configuration.segmentNamespace))
        #expect(!LabFiles.exists("/sys/class/net/" + self.configuration.uplinkInterface))
        try await self.lab.down()
        try FileManager.default.removeItem(atPath: self.configuration.stateDirectory)
    }

    private func machinesBoot() async throws {
        for machine in self.configuration.machines {
            #expect(try await self.lab.powerState(of: machine.name) == .off)
            async let discover = LabCommand.run(
                [
                    "ip", "netns", "exec", self.configuration.rackNamespace, "tcpdump", "-i", "eth0", "-c", "1", "-nn", "-v",
                    "udp dst port 67 and ether src \(machine.macAddress)",
                ], deadline: .seconds(300))
            try await self.lab.pressPowerButton(machine.name)
            #expect(try await self.lab.powerState(of: machine.name) == .on)
            #expect(try await discover.contains("Discover"))
        }
        #expect(try self.serialLog().contains("iPXE"))
        // The rack reaches the region over the uplink.
        let listener = try ListeningSocket(self.configuration.regionAddress)
        try await LabCommand.run(
            self.lab.rackCommand(["bash", "-c", "exec 3<>/dev/tcp/\(self.configuration.regionAddress)/\(listener.port)"]))
    }

    private func bootDeviceCountsOnce() async throws {
        try await self.ipmitool("chassis", "power", "off")
        try await eventually("off") { try await self.lab.powerState(of: "lab-1") == .off }
        try await self.ipmitool("chassis", "bootdev", "disk")
        try await self.firstBoot("Booting from Hard Disk") { try await self.ipmitool("chassis", "power", "on") }
        try await eventually("the network is first again") { try self.chassisLog().contains("the network is first again") }

        let before = try self.pid("machine")
        try await self.firstBoot("Booting from ROM") { try await self.ipmitool("chassis", "power", "reset") }
        #expect(try self.pid("machine") == before)
        // A reset takes the next override along.
        try await self.ipmitool("chassis", "bootdev", "disk")
        try await self.firstBoot("Booting from Hard Disk") { try await self.ipmitool("chassis", "power", "reset") }
        #expect(try await self.lab.powerState(of: "lab-1") == .on)
        try await self.ipmitool("chassis", "power", "cycle")
        try await eventually("on again") { try await self.lab.powerState(of: "lab-1") == .on }
    }

    /// Waits for the firmware's first choice after a start.
    private func firstBoot(
        _ expected: String, sourceLocation: SourceLocation = #_sourceLocation, after start: () async throws -> Void
    ) async throws {
        let length = try self.serialLog().count
        try await start()
        var choice: Substring?
        try await eventually(within: .seconds(120), "the firmware chooses") {
            // The boot before may go on talking until the firmware starts anew. A line may be half written.
            let lines = try self.serialLog().dropFirst(length).split(whereSeparator: \.isNewline)
            choice = lines.drop { !$0.contains("SeaBIOS (version") }.first { $0.hasPrefix("Booting from") && $0.hasSuffix("...") }
            return choice != nil
        }
        let log = try self.chassisLog()
        #expect(choice?.hasPrefix(expected) == true, "\(choice ?? "")\n\(log)", sourceLocation: sourceLocation)
    }

    private func simulatorIsRestarted() async throws {
        let machine = try self.pid("machine")
        let simulator = try self.pid("ipmi_sim")
        kill(simulator, SIGKILL)
        try await eventually("another ipmi_sim") { try self.pid("ipmi_sim") != simulator }
        try await eventually("the BMC answers again") { (try? await self.lab.powerState(of: "lab-1")) == .on }
        #expect(try self.pid("machine") == machine, "the machine does not notice")
    }

    private func upAgainChangesNothing() async throws {
        let before = try [self.pid("machine"), self.pid("ipmi_sim"), self.pid("supervise")]
        let password = try self.lab.bmcCredentials("lab-1")
        let another = try Lab(configuration: self.configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await another.up()
        #expect(try [self.pid("machine"), self.pid("ipmi_sim"), self.pid("supervise")] == before)
        #expect(try another.bmcCredentials("lab-1") == password)
        await #expect(throws: LabError.self) { try await another.pressPowerButton("lab-9") }
    }

    // MARK: Looking at it

    private func ipmitool(_ arguments: String...) async throws {
        let credentials = try self.lab.bmcCredentials("lab-1")
        try await LabCommand.run(
            self.lab.rackCommand([
                "ipmitool", "-I", "lanplus", "-C", "3", "-H", self.configuration.machines[0].bmcAddress.description, "-U", credentials.user,
                "-E",
            ]) + arguments, environment: ["IPMI_PASSWORD": credentials.password])
    }

    private func file(_ name: String) -> String { self.configuration.stateDirectory + "/machines/lab-1/" + name }

    private func serialLog() throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: self.lab.serialLog("lab-1"))), as: UTF8.self)
    }

    private func chassisLog() throws -> String { try String(contentsOfFile: self.file("chassis.log"), encoding: .utf8) }

    private func pid(_ name: String) throws -> Int32 {
        try #require(Int32(try String(contentsOfFile: self.file(name + ".pid"), encoding: .utf8).filter(\.isNumber)))
    }

    /// The command lines that name this lab's folder.
    private func processes() -> [String] {
        LabFiles.folders(in: "/proc").compactMap { folder in
            guard let data = try? Data(contentsOf: URL(filePath: folder + "/cmdline")) else { return nil }
            let command = String(decoding: data, as: UTF8.self)
            return command.contains(self.configuration.stateDirectory + "/") ? command : nil
        }
    }
}
