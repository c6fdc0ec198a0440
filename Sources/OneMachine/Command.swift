// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Subprocess

/// Runs one of the system's programs to its end.
enum Command {
    /// - Returns: standard output, at most 1 MiB.
    /// - Throws: `OneMachineError` with the program's own words when it fails.
    @discardableResult
    static func run(_ arguments: [String]) async throws -> String {
        guard let program = arguments.first else { return "" }
        let result = try await Subprocess.run(
            .name(program), arguments: Arguments(Array(arguments.dropFirst())), output: .string(limit: 1 << 20), error: .string(limit: 1 << 16)
        )
        guard result.terminationStatus.isSuccess else {
            let words = [result.standardError, result.standardOutput].joined(separator: "\n")
            throw OneMachineError("\(arguments.joined(separator: " ")) failed (\(result.terminationStatus)): \(words.suffix(2000))")
        }
        return result.standardOutput
    }
}
