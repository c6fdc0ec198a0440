// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Subprocess
import Testing

@testable import Lab

struct LabScriptsTests {
    private let configuration = LabConfiguration(stateDirectory: "/var/lib/lab", machineCount: 2)

    private func command(_ change: (inout LabMachine) -> Void = { _ in }) -> QEMUCommand {
        var machine = self.configuration.machines[1]
        change(&machine)
        return QEMUCommand(machine: machine, files: LabMachineFiles(self.configuration, index: 1, name: machine.name))
    }

    @Test func `a machine is always emulated and never asks for KVM`() {
        for firmware in LabFirmware.allCases {
            let arguments = self.command { $0.firmware = firmware }.arguments
            #expect(arguments.contains("tcg,thread=multi,tb-size=256"))
            #expect(!arguments.joined(separator: " ").contains("kvm"))
        }
    }

    @Test func `ports and files belong to the machine`() {
        let text = self.command().arguments.joined(separator: " ")
        for part in [
            "port=9002,reconnect", "port=9102,server", "tcp:127.0.0.1:9202,", "ifname=tap2,", "mac=52:54:00:99:01:02,",
            "/var/lib/lab/machines/lab-2/serial.log", "/var/lib/lab/machines/lab-2/disk0.qcow2",
            "uuid 00000000-0000-4000-8000-525400990102",
        ] {
            #expect(text.contains(part), "\(part)")
        }
    }

    @Test func `the network comes first, then the disks in order`() {
        let text = self.command { $0.diskCount = 2 }.script
        #expect(text.contains("bootindex='\"$1\"") || text.contains("bootindex='\"$1\"''"), "\(text)")
        #expect(text.contains("lab-2-d0,bootindex=2"))
        #expect(text.contains("lab-2-d1,bootindex=3"))
    }

    @Test func `UEFI machines have variables of their own and no option ROM`() {
        let text = self.command { $0.firmware = .uefi }.script
        #expect(text.contains("unit=1,file=/var/lib/lab/machines/lab-2/firmware.vars"))
        #expect(text.contains("romfile="))
        #expect(!self.command().script.contains("romfile="))
    }

    @Test(arguments: ["", "plain", "two words", "it's", "$HOME `id` \"x\" \\"])
    func `a quoted word reaches the program as it is`(word: String) async throws {
        let output = try await LabCommand.run(["bash", "-c", "printf %s " + QEMUCommand.quoted(word)])
        #expect(output == word)
    }

    @Test func `every script is one that bash can read`() async throws {
        let machine = self.configuration.machines[0]
        let files = LabMachineFiles(self.configuration, index: 0, name: machine.name)
        let simulator = SimulatorConfiguration(
            machine: machine, files: files, credentials: .generate(), network: self.configuration.network,
            gateway: self.configuration.rackAddress)
        for script in [
            ChassisScript.text(machine, files), simulator.lanScript, simulator.superviseScript, self.command().script,
        ] {
            try await LabCommand.run(["bash", "-n", "-c", script])
        }
    }

    @Test func `a password is new each time and fits the simulator`() {
        let passwords = (0..<100).map { _ in LabCredentials.generate().password }
        #expect(Set(passwords).count == 100)
        #expect(passwords.allSatisfy { $0.utf8.count == 16 })
        #expect(!"\(LabCredentials(user: "u", password: "secret"))".contains("secret"))
    }

    @Test func `a program that fails or hangs is an error that names it`() async {
        var error = await #expect(throws: LabError.self) { try await LabCommand.run(["bash", "-c", "echo broken >&2; exit 3"]) }
        #expect(error?.code == .program)
        #expect(error?.message.contains("broken") == true)
        error = await #expect(throws: LabError.self) { try await LabCommand.run(["no-such-program-here"]) }
        #expect(error?.message.contains("no-such-program-here") == true)
        error = await #expect(throws: LabError.self) { try await LabCommand.run(["sleep", "600"], deadline: .milliseconds(200)) }
        #expect(error?.code == .timeout)
    }
}
