// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// A program of the cloud that runs on after `gantry up` has ended, kept running by a small shell: whoever kills the program finds it
/// started again. The shell is told from other processes by its command line.
struct Daemon: Sendable {
    var name: String
    var layout: StateLayout
    /// The whole command, with an `ip netns exec` before it where it belongs into a namespace.
    var command: [String]

    /// The shell that keeps the program running, when it does.
    var process: pid_t? {
        guard let text = try? String(contentsOfFile: self.layout.pidFile(self.name), encoding: .utf8),  // no file: it does not run
            let process = pid_t(text.filter { !$0.isWhitespace }), process > 1,
            let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline")
        else { return nil }
        let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        return words.last == self.name ? process : nil
    }

    /// Starts the program in a session of its own, its output in its log.
    func start() async throws {
        if self.process != nil { return }
        try await Command.run(["sh", "-c", "setsid -f sh -c \"$0\" \"$1\" > /dev/null 2>&1 < /dev/null", self.script, self.name])
    }

    /// Starts the program anew whenever it ends, after a second first and later after up to half a minute, so that a program that cannot
    /// run does not keep the machine busy.
    private var script: String {
        """
        echo $$ > \(Self.quoted(self.layout.pidFile(self.name)))
        exec >> \(Self.quoted(self.layout.log(self.name))) 2>&1 < /dev/null
        trap 'kill $child; wait $child; exit 0' TERM
        pause=1
        while :; do
            begin=$(date +%s)
            \(self.command.map(Self.quoted).joined(separator: " ")) & child=$!
            wait $child; code=$?
            [ $(($(date +%s) - begin)) -lt 60 ] || pause=1
            echo "gantry: \(self.name) has ended (exit status $code) and is started again in $pause s"
            sleep $pause & child=$!
            wait $child
            pause=$((pause * 2)); [ $pause -le 30 ] || pause=30
        done
        """
    }

    private static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "'\\''"))'" }

    /// Asks the program to end, and insists after 15 seconds.
    func stop() async throws {
        guard let process else { return }
        kill(process, SIGTERM)
        for _ in 0..<150 {
            guard self.process != nil else { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        // The shell leads a process group: the program goes with it.
        if self.process != nil { kill(-process, SIGKILL) }
        try? FileManager.default.removeItem(atPath: self.layout.pidFile(self.name))  // it may have gone by itself
    }

    /// The last lines of its log, for an error message.
    var lastWords: String {
        let log = (try? String(contentsOfFile: self.layout.log(self.name), encoding: .utf8)) ?? ""  // no log yet: nothing to say
        return log.split(separator: "\n").suffix(8).joined(separator: "\n")
    }
}
