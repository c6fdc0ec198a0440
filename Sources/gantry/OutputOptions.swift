// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import JSON

/// How results are printed.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print what the API answered, as JSON.")
    var json = false

    /// Prints JSON, or what the closure makes of it.
    func show(_ value: JSONValue, _ people: (JSONValue) -> String) {
        print(self.json ? value.text : people(value))
    }
}
