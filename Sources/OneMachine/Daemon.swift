// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// A program of the cloud that runs on after `gantry up` has ended. Its process is told from others by its command line.
struct Daemon: Sendable {
    var name: String
    var layout: StateLayout
    /// The whole command, with an `ip netns exec` before it where it belongs into a namespace.
    var command: [String]

    /// The process, when it runs.
    var process: pid_t? {
        guard let text = try? String(contentsOfFile: self.layout.pidFile(self.name), encoding: .utf8),  // no file: it does not run
            let process = pid_t(text.filter { !$0.isWhitespace }), process > 1,
            let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline")
        else { return nil }
        let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        return words.contains { $0.hasSuffix("/\(self.name)") || $0 == self.name } ? process : nil
    }

    /// Starts the program in a session of its own, its output in its log.
    func start() async throws {
        if self.process != nil { return }
        let quoted = self.command.map { "'\($0.replacing("'", with: "'\\''"))'" }.joined(separator: " ")
        let script = "echo $$ > '\(self.layout.pidFile(self.name))'; exec \(quoted) >> '\(self.layout.log(self.name))' 2>&1 < /dev/null"
        try await Command.run(["sh", "-c", "setsid -f sh -c \"$0\" > /dev/null 2>&1 < /dev/null", script])
    }

    /// Asks the program to end, and insists after 15 seconds.
    func stop() async throws {
        guard let process else { return }
        kill(process, SIGTERM)
        for _ in 0..<150 {
            guard self.process != nil else { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        if self.process != nil { kill(process, SIGKILL) }
        try? FileManager.default.removeItem(atPath: self.layout.pidFile(self.name))  // it may have gone by itself
    }

    /// The last lines of its log, for an error message.
    var lastWords: String {
        let log = (try? String(contentsOfFile: self.layout.log(self.name), encoding: .utf8)) ?? ""  // no log yet: nothing to say
        return log.split(separator: "\n").suffix(8).joined(separator: "\n")
    }
}
