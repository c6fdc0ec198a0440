// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Logging
import Rack

/// The rack controller.
@main
struct Rackd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rackd",
        abstract: "Gantry's rack controller: DHCP, TFTP, HTTP boot and BMC power for the segments that it reaches.",
        discussion: "Needs the rights to open ports 67 and 69 and raw sockets (CAP_NET_BIND_SERVICE, CAP_NET_RAW).",
        version: RackDaemon.softwareVersion
    )

    @Option(name: .shortAndLong, help: "The configuration file (see cluster-configs/one-machine/rackd.yaml).")
    var config: String

    @Option(help: "What is logged: trace, debug, info, notice, warning, error or critical.")
    var logLevel: String = "notice"

    func run() async throws {
        guard let level = Logger.Level(rawValue: self.logLevel) else {
            throw ValidationError("--log-level: '\(self.logLevel)' is none of trace, debug, info, notice, warning, error, critical")
        }
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var logger = Logger(label: "rackd")
        logger.logLevel = level
        try await RackDaemon(settings: try RackSettings(file: self.config), logger: logger).run()
    }
}
