// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import JSON

/// An event as one line.
enum EventText {
    static func line(_ event: JSONValue) -> String {
        let machine = event.word("hostname").isEmpty ? "-" : event.word("hostname")
        let time = event.word("occurred").isEmpty ? event.word("created") : event.word("occurred")
        let description = event.word("description").replacing("\n", with: "\n    ")
        return "\(time)  \(event.word("level"))  \(machine)  \(event.word("type"))  \(description)"
    }
}
