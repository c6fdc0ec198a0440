// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct Machines: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at machines and put them to work.",
        discussion: "A machine is named by its host name or its system id.",
        subcommands: [
            List.self, Show.self, Timeline.self, Commission.self, Allocate.self, Deploy.self, Release.self, Abort.self, Power.self,
            Layout.self, EraseCertificates.self,
        ]
    )
}
