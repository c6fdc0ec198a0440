// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// Where one machine's files are and which ports it has. The ports are on the loopback interface of the segment's namespace.
struct LabMachineFiles: Sendable, Hashable {
    let directory: String
    /// The machine's place in the lab, from 0.
    let index: Int

    init(_ configuration: LabConfiguration, index: Int, name: String) {
        self.directory = configuration.stateDirectory + "/machines/" + name
        self.index = index
    }

    var serialLog: String { self.directory + "/serial.log" }
    var qemuLog: String { self.directory + "/qemu.log" }
    var bmcLog: String { self.directory + "/bmc.log" }
    var firmwareVariables: String { self.directory + "/firmware.vars" }
    var password: String { self.directory + "/bmc-password" }

    /// Starts QEMU; its argument is the network card's place in the boot order.
    var machineScript: String { self.directory + "/machine" }
    var chassisScript: String { self.directory + "/chassis" }
    var lanScript: String { self.directory + "/lan" }
    /// Keeps `ipmi_sim` running.
    var superviseScript: String { self.directory + "/supervise" }
    var simulatorConfiguration: String { self.directory + "/ipmi_sim.conf" }
    var simulatorCommands: String { self.directory + "/ipmi_sim.commands" }
    var simulatorState: String { self.directory + "/ipmi_sim.state" }

    var machinePID: String { self.directory + "/machine.pid" }
    var supervisePID: String { self.directory + "/supervise.pid" }
    var simulatorPID: String { self.directory + "/ipmi_sim.pid" }

    func disk(_ number: Int) -> String { self.directory + "/disk\(number).qcow2" }

    /// In-band IPMI between QEMU and `ipmi_sim`.
    var systemInterfacePort: Int { 9001 + self.index }
    /// The serial console, for serial over LAN.
    var consolePort: Int { 9101 + self.index }
    /// QEMU's monitor.
    var monitorPort: Int { 9201 + self.index }

    var tap: String { "tap\(self.index + 1)" }
}
