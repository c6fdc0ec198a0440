// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The command line for operators.
@main
struct Gantry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gantry",
        abstract: "Turns racks of bare servers into a cloud.",
        discussion: """
            Start with 'gantry up --lab 1', which runs a whole cloud on this machine with one virtual server, or with
            'gantry login URL KEY' for a cloud that runs elsewhere.

            Shell completion: gantry --generate-completion-script bash > /etc/bash_completion.d/gantry
            """,
        version: "0.1.0",
        subcommands: [Up.self, Down.self, Login.self, Machines.self, Events.self, Images.self, Segments.self, Racks.self]
    )
}
