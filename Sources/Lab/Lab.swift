// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import Logging

/// Virtual machines with virtual BMCs on a network of their own: everything that a rack has, on one Linux host. Needs root.
///
/// Machines and BMCs are processes of their own that outlive this one: a later `Lab` with the same configuration finds them.
public actor Lab {
    public nonisolated let configuration: LabConfiguration
    private nonisolated let controllers: [LabMachineController]
    private let logger: Logger

    /// - Throws: `LabError` naming what is wrong with the configuration.
    public init(configuration: LabConfiguration, logger: Logger) throws {
        try configuration.validate()
        self.configuration = configuration
        self.controllers = configuration.machines.indices.map { LabMachineController(configuration, index: $0) }
        self.logger = logger
    }

    public nonisolated var machines: [LabMachine] { self.configuration.machines }

    /// Makes the network, the disks and the BMCs, as far as they are missing. Returns when every BMC answers; machines stay as they are,
    /// which is off at first. After a failure `down` removes what was made.
    public func up() async throws {
        try LabFiles.makeDirectory(self.configuration.stateDirectory)
        try await LabNetwork(configuration: self.configuration).up()
        // Prepared one by one, started together: starting is mostly waiting.
        for controller in self.controllers { try await controller.prepare() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for controller in self.controllers { group.addTask { try await controller.startBMC() } }
            try await group.waitForAll()
        }
        self.logger.notice(
            "lab is up",
            metadata: [
                "lab.prefix": "\(self.configuration.prefix)", "lab.machines": "\(self.machines.count)",
                "lab.network": "\(self.configuration.network)",
            ])
    }

    /// Stops machines and BMCs and removes the network. Disks, logs and passwords stay.
    public func down() async throws {
        // Every folder, not only the machines of this configuration: an earlier one may have had more.
        for folder in LabFiles.folders(in: self.configuration.stateDirectory + "/machines") {
            try await LabMachineController.stop(folder, clock: ContinuousClock())
        }
        try await LabNetwork(configuration: self.configuration).down()
        self.logger.notice("lab is down", metadata: ["lab.prefix": "\(self.configuration.prefix)"])
    }

    /// Switches a machine on through its BMC, as an operator does who has just racked it. Does nothing when it is on.
    public func pressPowerButton(_ name: String) async throws {
        try await self.controller(name).pressPowerButton()
    }

    /// What the machine's BMC says.
    public func powerState(of name: String) async throws -> PowerState {
        try await self.controller(name).powerState()
    }

    /// Everything that a machine ever wrote to its serial line is in this file.
    public nonisolated func serialLog(_ name: String) throws -> String {
        try self.controller(name).files.serialLog
    }

    /// The image file of one of a machine's disks, numbered from 0. Its format is qcow2.
    public nonisolated func diskImage(_ name: String, _ number: Int = 0) throws -> String {
        try self.controller(name).files.disk(number)
    }

    /// The administrator of a machine's BMC; exists after the first `up`.
    public nonisolated func bmcCredentials(_ name: String) throws -> LabCredentials {
        try self.controller(name).credentials()
    }

    /// How to run a program in the rack's namespace.
    public nonisolated func rackCommand(_ arguments: [String]) -> [String] {
        ["ip", "netns", "exec", self.configuration.rackNamespace] + arguments
    }

    private nonisolated func controller(_ name: String) throws -> LabMachineController {
        guard let controller = self.controllers.first(where: { $0.machine.name == name }) else {
            let names = self.machines.map(\.name).joined(separator: ", ")
            throw LabError(.unknownMachine, "'\(name.prefix(40))' is not one of \(names)")
        }
        return controller
    }
}
