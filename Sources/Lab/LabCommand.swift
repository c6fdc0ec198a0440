// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Subprocess

/// Runs the system's programs to their end, without blocking a thread.
enum LabCommand {
    private static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    private static let outputLimit = 1 << 20

    /// Runs a program and gives what it wrote.
    ///
    /// - Parameters:
    ///   - environment: added to this process's; the place for secrets, which must not be arguments.
    ///   - deadline: then it is killed.
    /// - Throws: `LabError` with the last of what it wrote, when it fails or cannot be started.
    @discardableResult
    static func run(
        _ arguments: [String], environment: [String: String] = [:], deadline: Duration = .seconds(60)
    ) async throws -> String {
        guard let program = arguments.first else { throw LabError(.program, "no program given") }
        let shown = arguments.joined(separator: " ").prefix(300)
        let variables = Self.variables(environment)
        return try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask {
                let result = try await Subprocess.run(
                    .name(program), arguments: Arguments(Array(arguments.dropFirst())), environment: .inherit.updating(variables),
                    output: .string(limit: Self.outputLimit), error: .string(limit: Self.outputLimit))
                guard result.terminationStatus.isSuccess else {
                    let reason = (result.standardError + result.standardOutput).suffix(1000)
                    throw LabError(.program, "'\(shown)' \(result.terminationStatus): \(reason)")
                }
                return result.standardOutput
            }
            group.addTask {
                try await ContinuousClock().sleep(for: deadline)
                return nil
            }
            defer { group.cancelAll() }
            do {
                guard let first = try await group.next(), let output = first else {
                    throw LabError(.timeout, "'\(shown)' did not end within \(deadline)")
                }
                return output
            } catch let error as SubprocessError {
                throw LabError(.program, "'\(shown)' cannot be run: \(error)")
            }
        }
    }

    /// Starts a program that goes on by itself: in a session of its own, so that it has its own share of the processors and no terminal
    /// or signal of ours reaches it.
    static func startDetached(_ arguments: [String]) async throws {
        // Without pipes to us: it would hold them open for as long as it lives.
        let result = try await Subprocess.run(
            .name("setsid"), arguments: Arguments(["--fork"] + arguments), environment: .inherit.updating(Self.variables([:])),
            output: .discarded, error: .discarded)
        guard result.terminationStatus.isSuccess else {
            throw LabError(.program, "'\(arguments.joined(separator: " ").prefix(300))' cannot be started: \(result.terminationStatus)")
        }
    }

    private static func variables(_ environment: [String: String]) -> [Environment.Key: String?] {
        var variables: [Environment.Key: String?] = ["PATH": Self.path, "LC_ALL": "C"]
        for (name, value) in environment {
            guard let key = Environment.Key(rawValue: name) else { continue }
            variables[key] = value
        }
        return variables
    }
}
