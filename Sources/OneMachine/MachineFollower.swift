// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import APIClient
internal import JSON

/// Waits for a machine to reach a state, showing what it is doing.
public struct MachineFollower: Sendable {
    private let client: GantryClient
    private let progress: any Progress

    public init(client: GantryClient, progress: any Progress) {
        self.client = client
        self.progress = progress
    }

    /// - Throws: `OneMachineError` with the machine's own error when it reaches a failed state, or when the time is over.
    public func wait(for id: String, until goal: String, title: String, within limit: Duration) async throws {
        let clock = ContinuousClock()
        let start = clock.now
        var failures = 0
        while clock.now - start < limit {
            do {
                let machine = try await self.client.get("machines/\(id)/")
                failures = 0
                let status = machine["status_name"]?.stringValue ?? ""
                let message = machine["status_message"]?.stringValue ?? ""
                if status == goal {
                    self.progress.done("\(title): \(status) after \((clock.now - start).components.seconds) s")
                    return
                }
                if status.hasPrefix("Failed") || status == "Releasing failed" || status == "Broken" {
                    let reason = machine["error_description"]?.stringValue ?? message
                    throw OneMachineError("\(title): \(status): \(reason)\nNext: gantry machines timeline \(id)")
                }
                self.progress.step("\(title): \(message.isEmpty ? status : message)", fraction: Self.fraction(status, message))
            } catch let error as OneMachineError {
                throw error
            } catch {
                failures += 1
                if failures > 30 { throw error }
            }
            try await clock.sleep(for: .seconds(1))
        }
        throw OneMachineError("\(title): not \(goal) after \(limit.components.seconds) s\nNext: gantry machines timeline \(id)")
    }

    /// Where in its operation a machine is, judged by the name of the step.
    private static func fraction(_ status: String, _ message: String) -> Double {
        switch message {
        case "": 0.05
        case let text where text.hasPrefix("Booting"): 0.15
        case let text where text.hasPrefix("Rebooting"): 0.75
        case let text where text.hasPrefix("Switching off"): 0.95
        default: 0.5
        }
    }
}
