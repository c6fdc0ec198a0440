// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import APIClient
import ArgumentParser
import HTTPClient
import JSON

struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what happened, oldest first.")

    @Flag(name: .shortAndLong, help: "Go on with what happens from now, until Ctrl-C.")
    var follow = false

    @Option(help: "How many of the newest events are shown.")
    var limit: Int = 50

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let client = try GantryClient(profile: .load())
        let answer = try await client.get("events/", [("op", "query"), ("limit", "\(self.limit)"), ("level", "DEBUG")])
        let events = Array((answer["events"]?.arrayValue ?? []).reversed())
        self.output.show(.array(events)) { ($0.arrayValue ?? []).map(EventText.line).joined(separator: "\n") }
        guard self.follow else { return }
        try await self.stream(client, after: events.last?["id"]?.intValue)
    }

    /// Prints the server's event stream, and comes back to it when it breaks.
    private func stream(_ client: GantryClient, after id: Int?) async throws {
        var last = id
        while !Task.isCancelled {
            do {
                let response = try await client.events(after: last)
                var lines = EventStreamLines()
                for try await bytes in response.body {
                    for event in lines.take(bytes) {
                        last = event["id"]?.intValue ?? last
                        print(self.output.json ? event.text : EventText.line(event))
                    }
                }
            } catch let error as APIError {
                throw error
            } catch {
                print("(the connection broke: \(error); trying again)")
            }
            try await Task.sleep(for: .seconds(1))
        }
    }
}
