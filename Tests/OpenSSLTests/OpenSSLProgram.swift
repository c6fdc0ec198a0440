// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import OpenSSL
import Subprocess
import Testing

/// The distribution's `openssl` program, as a peer that others wrote.
enum OpenSSLProgram {
    /// Runs it to its end, at most 60 s; what it printed.
    ///
    /// The input comes from a file: swift-subprocess 1.0.2 traps when a process ends before it has taken all that is written to it.
    static func run(_ arguments: [String], input: String = "") async throws -> String {
        try await Files.with(["input": input]) { folder in
            let script = #"exec timeout -k 1 60 openssl "$@" < "$0""#
            let result = try await Subprocess.run(
                .name("sh"), arguments: Arguments(["-c", script, "\(folder)/input"] + arguments), input: .none,
                output: .string(limit: 4 << 20), error: .combinedWithOutput)
            return result.standardOutput
        }
    }
}

/// Files for one test, in a folder of its own.
enum Files {
    static func with<Result>(_ files: [String: String], _ body: (String) async throws -> Result) async throws -> Result {
        let folder = "/tmp/gantry-openssl-\(SecureRandom.token(length: 12))"
        _ = unsafe mkdir(folder, 0o700)
        defer {
            for name in files.keys { _ = unsafe unlink("\(folder)/\(name)") }
            _ = unsafe rmdir(folder)
        }
        for (name, text) in files {
            let descriptor = unsafe open("\(folder)/\(name)", O_WRONLY | O_CREAT, 0o600)
            try #require(unsafe write(descriptor, text, text.utf8.count) == text.utf8.count)
            close(descriptor)
        }
        return try await body(folder)
    }
}

/// Waits until a condition holds, at most 60 s.
func eventually(_ what: Comment, _ condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("after 60 s: \(what)", sourceLocation: sourceLocation)
            return
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}
