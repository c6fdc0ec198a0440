// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A condition that a test waited for did not come true.
public struct EventuallyFailed: Error, CustomStringConvertible {
    /// What was waited for, and how long.
    public let description: String
}

/// Waits until `condition` is true, asking again and again.
///
/// The limit is generous because it is never reached when all is well: tests must not fail because a machine is busy.
///
/// - Parameter what: What is waited for, as a sentence for the failure.
/// - Throws: ``EventuallyFailed`` when time is up, and whatever `condition` throws.
public func eventually(
    within limit: Duration = .seconds(120),
    _ what: String,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    var pause = Duration.milliseconds(2)
    while true {
        if try await condition() { return }
        guard ContinuousClock.now < deadline else { throw EventuallyFailed(description: "not within \(limit): \(what)") }
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(100))
    }
}
