// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import FoundationEssentials
internal import Glibc

/// A process that a lab has started and whose number it has written down.
struct RecordedProcess: Sendable, Hashable {
    /// The file with the number.
    var pidFile: String
    /// Part of the process's command line: tells it from another process that got its number later.
    var mark: String

    /// The number, when that process still runs.
    var runningPID: Int32? {
        guard let text = try? String(contentsOfFile: self.pidFile, encoding: .utf8),
            let pid = Int32(text.filter { $0 != "\n" }), pid > 1,
            // A zombie's command line is empty.
            let command = try? Data(contentsOf: URL(filePath: "/proc/\(pid)/cmdline")),
            String(decoding: command, as: UTF8.self).contains(self.mark)
        else { return nil }
        return pid
    }

    /// Ends the process: politely, and after three seconds by force.
    func stop(clock: ContinuousClock) async throws {
        for signal in [SIGTERM, SIGKILL] {
            guard let pid = self.runningPID else { break }
            kill(pid, signal)
            let deadline = clock.now + .seconds(3)
            while self.runningPID == pid, clock.now < deadline { try await clock.sleep(for: .milliseconds(20)) }
        }
        guard self.runningPID == nil else { throw LabError(.timeout, "the process of \(self.pidFile) does not end") }
        // Gone already is as good.
        try? FileManager.default.removeItem(atPath: self.pidFile)
    }
}
