// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import APIClient
public import ArgumentParser
import Domain
import Glibc
import Lab
import Logging
import OneMachine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif

/// Where the cloud on this machine keeps its things.
struct StateOptions: ParsableArguments {
    @Option(help: "The folder with everything of this cloud.")
    var state: String = ProcessInfo.processInfo.environment["GANTRY_STATE"] ?? "/var/lib/gantry"

    /// The folder of the running program: `regiond` and `rackd` are beside it.
    static var programs: String {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]  // no /proc: as called
        return path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    }

    func cloud(labMachines: Int, firmware: LabFirmware = .biosIPXE, progress: any Progress) throws -> Cloud {
        var logger = Logger(label: "gantry")
        logger.logLevel = .error
        let layout = StateLayout(root: self.state)
        let lab = LabConfiguration(stateDirectory: layout.lab, machineCount: labMachines, firmware: firmware)
        return try Cloud(layout: layout, programs: Self.programs, lab: lab, progress: progress, logger: logger)
    }
}

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a whole cloud on this machine.",
        discussion: """
            Starts a private PostgreSQL, one region controller and one rack controller, and a lab of virtual machines with virtual
            BMCs in network namespaces. What runs already is left alone. Needs root.
            """
    )

    @OptionGroup var state: StateOptions

    @Option(help: "How many virtual machines the lab has.")
    var lab: Int = 1

    @Option(help: "The firmware of the virtual machines: \(LabFirmware.allCases.map(\.rawValue).joined(separator: ", ")).")
    var firmware: LabFirmware = .biosIPXE

    @Option(help: "The stream of images to import; made by tools/build-image.")
    var images: String?

    @Flag(help: "Show the main job on the first virtual machine: enlist, commission, deploy, release.")
    var tour = false

    func validate() throws {
        guard (0...32).contains(self.lab) else { throw ValidationError("--lab: \(self.lab) is not a number from 0 to 32") }
        guard geteuid() == 0 else { throw ValidationError("gantry up makes network namespaces and needs root. Next: sudo gantry up") }
    }

    /// The region runs elsewhere: a path has to mean the same there.
    private static func absolute(_ stream: String) -> String {
        stream.hasPrefix("/") || stream.contains("://") ? stream : "\(FileManager.default.currentDirectoryPath)/\(stream)"
    }

    func run() async throws {
        let progress = TerminalProgress()
        let cloud = try self.state.cloud(labMachines: self.lab, firmware: self.firmware, progress: progress)
        let profile = try await cloud.up()
        try profile.save()
        let client = GantryClient(profile: profile)
        let stream = self.images.map(Self.absolute) ?? cloud.layout.imageStream
        if FileManager.default.fileExists(atPath: stream) {
            try await cloud.importImages(from: stream, client)
        } else {
            progress.done("there are no images yet. Next: tools/build-image --output \(stream), then gantry up again")
        }
        if self.tour { try await cloud.tour(client) }
        print(
            """

            Gantry runs at   \(cloud.url)
            API key          \(self.state.state)/secrets/api-key (user admin, password in admin-password beside it)
            Logs             \(self.state.state)/log
            Next             gantry machines list
                             gantry machines timeline NAME
                             gantry events --follow
                             gantry down
            """
        )
    }
}

extension LabFirmware: ExpressibleByArgument {}

struct Down: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Stop the cloud on this machine.")

    @OptionGroup var state: StateOptions

    @Flag(help: "Forget everything too: database, images, virtual disks.")
    var purge = false

    func run() async throws {
        try await self.state.cloud(labMachines: 0, progress: TerminalProgress()).down(purge: self.purge)
    }
}
