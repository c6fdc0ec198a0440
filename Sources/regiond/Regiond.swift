// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Logging
import Region

/// The region controller.
@main
struct Regiond: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "regiond",
        abstract: "Gantry's region controller: REST API, metadata API, planning.",
        version: RegionDaemon.softwareVersion,
        subcommands: [Run.self, CreateAdministrator.self],
        defaultSubcommand: Run.self
    )
}

/// What every subcommand needs.
struct CommonOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The configuration file (see cluster-configs/one-machine/regiond.yaml).")
    var config: String

    @Option(help: "What is logged: trace, debug, info, notice, warning, error or critical.")
    var logLevel: String = "notice"

    func daemon() throws -> RegionDaemon {
        guard let level = Logger.Level(rawValue: self.logLevel) else {
            throw ValidationError("--log-level: '\(self.logLevel)' is none of trace, debug, info, notice, warning, error, critical")
        }
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var logger = Logger(label: "regiond")
        logger.logLevel = level
        return RegionDaemon(configuration: try RegionConfiguration(file: self.config), logger: logger)
    }
}

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve until told to stop (SIGTERM or SIGINT).")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await self.common.daemon().run()
    }
}

struct CreateAdministrator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create-administrator",
        abstract: "Make an administrator and print an API key.",
        discussion: "The password is read from standard input, so that it shows up in no process list."
    )

    @OptionGroup var common: CommonOptions

    @Option(help: "The user's name.")
    var username: String

    @Option(help: "The user's address.")
    var email: String = ""

    func run() async throws {
        guard let password = readLine(strippingNewline: true), !password.isEmpty else {
            throw ValidationError("expected the password on standard input")
        }
        print(try await self.common.daemon().createAdministrator(username: self.username, email: self.email, password: password))
    }
}
