// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import FoundationEssentials

/// One machine's files, its BMC, and what its BMC says.
struct LabMachineController: Sendable {
    let machine: LabMachine
    let files: LabMachineFiles
    let configuration: LabConfiguration
    let clock = ContinuousClock()

    init(_ configuration: LabConfiguration, index: Int) {
        self.machine = configuration.machines[index]
        self.files = LabMachineFiles(configuration, index: index, name: self.machine.name)
        self.configuration = configuration
    }

    // MARK: Files

    /// Writes scripts and configuration anew; makes disks, firmware variables and password where they are missing.
    func prepare() async throws {
        try LabFiles.makeDirectory(self.files.simulatorState)
        try LabFiles.write(QEMUCommand(machine: self.machine, files: self.files).script, to: self.files.machineScript)
        try LabFiles.write(ChassisScript.text(self.machine, self.files), to: self.files.chassisScript)
        if !LabFiles.exists(self.files.password) {
            try LabFiles.write(LabCredentials.generate().password, to: self.files.password)
        }
        let simulator = SimulatorConfiguration(
            machine: self.machine, files: self.files, credentials: try self.credentials(), network: self.configuration.network,
            gateway: self.configuration.rackAddress)
        try LabFiles.write(simulator.configuration, to: self.files.simulatorConfiguration)
        try LabFiles.write(simulator.commands, to: self.files.simulatorCommands)
        try LabFiles.write(simulator.lanScript, to: self.files.lanScript)
        try LabFiles.write(simulator.superviseScript, to: self.files.superviseScript)
        if let images = QEMUCommand.firmwareImages(self.machine.firmware), !LabFiles.exists(self.files.firmwareVariables) {
            try LabFiles.copy(images.variables, to: self.files.firmwareVariables)
        }
        for number in 0..<self.machine.diskCount where !LabFiles.exists(self.files.disk(number)) {
            try await LabCommand.run(["qemu-img", "create", "-q", "-f", "qcow2", self.files.disk(number), "\(self.machine.diskGiB)G"])
        }
    }

    func credentials() throws -> LabCredentials {
        LabCredentials(user: LabCredentials.user, password: try LabFiles.read(self.files.password))
    }

    // MARK: BMC

    /// Starts the BMC unless it runs, and waits until it answers.
    func startBMC() async throws {
        if Self.processes(in: self.files.directory).supervisor.runningPID == nil {
            // The redirections are part of the command: nothing of ours may stay open in it.
            try await LabCommand.startDetached([
                "ip", "netns", "exec", self.configuration.segmentNamespace, "bash", "-c",
                "exec bash \"$0\" >> \"$1\" 2>&1 < /dev/null", self.files.superviseScript, self.files.bmcLog,
            ])
        }
        let deadline = self.clock.now + .seconds(60)
        while true {
            do {
                _ = try await self.powerState()
                return
            } catch {
                guard self.clock.now < deadline else {
                    throw LabError(.timeout, "the BMC of \(self.machine.name) does not answer (\(self.files.bmcLog)): \(error)")
                }
                try await self.clock.sleep(for: .milliseconds(100))
            }
        }
    }

    func powerState() async throws -> PowerState {
        let answer = try await self.ipmitool("chassis", "power", "status")
        if answer.contains("is on") { return .on }
        if answer.contains("is off") { return .off }
        throw LabError(.program, "ipmitool said '\(answer.prefix(100))' about the power of \(self.machine.name)")
    }

    func pressPowerButton() async throws {
        try await self.ipmitool("chassis", "power", "on")
    }

    /// From the rack's namespace, as a real rack would.
    @discardableResult
    private func ipmitool(_ arguments: String...) async throws -> String {
        let credentials = try self.credentials()
        // Cipher suite 3 by name: asking for the list costs 10 s, because ipmi_sim does not know the request.
        return try await LabCommand.run(
            [
                "ip", "netns", "exec", self.configuration.rackNamespace, "ipmitool", "-I", "lanplus", "-C", "3", "-R", "2", "-N", "2",
                "-H", self.machine.bmcAddress.description, "-U", credentials.user, "-E",
            ] + arguments, environment: ["IPMI_PASSWORD": credentials.password])
    }

    // MARK: Processes

    struct Processes: Sendable {
        var supervisor: RecordedProcess
        var simulator: RecordedProcess
        var machine: RecordedProcess
    }

    /// What may run for the machine of a folder.
    static func processes(in directory: String) -> Processes {
        func recorded(_ name: String) -> RecordedProcess { RecordedProcess(pidFile: "\(directory)/\(name).pid", mark: directory + "/") }
        return Processes(supervisor: recorded("supervise"), simulator: recorded("ipmi_sim"), machine: recorded("machine"))
    }

    /// Ends BMC and machine, in this order, so that nobody starts what was just stopped.
    static func stop(_ directory: String, clock: ContinuousClock) async throws {
        let processes = self.processes(in: directory)
        try await processes.supervisor.stop(clock: clock)
        try await processes.simulator.stop(clock: clock)
        try await processes.machine.stop(clock: clock)
    }
}
