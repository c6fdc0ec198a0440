// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Subprocess
import Testing

/// Something of the test's surroundings that did not work.
struct ToolFailure: Error, CustomStringConvertible {
    let description: String
}

/// A program's whole output; another exit status than 0 is a failure.
@discardableResult
func tool(_ name: String, _ arguments: [String]) async throws -> String {
    let result = try await Subprocess.run(
        .name(name), arguments: Arguments(arguments), output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    guard result.terminationStatus == .exited(0) else { throw ToolFailure(description: "\(name) \(arguments): \(result.standardError)") }
    return result.standardOutput
}

/// A new folder for the time of `body`.
func withFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let template = "/tmp/gantry-images-XXXXXX"
    var name = Array(template.utf8CString)
    let isMade = unsafe name.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return false }
        return unsafe mkdtemp(base) != nil
    }
    guard isMade else { throw ToolFailure(description: "mkdtemp failed") }
    let folder = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    do {
        let value = try await body(folder)
        try await tool("rm", ["-rf", folder])
        return value
    } catch {
        try await tool("rm", ["-rf", folder])
        throw error
    }
}

/// A real web server over a folder, with faults on demand (`support.py`), for the time of `body`.
///
/// - Parameter body: given the server's URL, without a slash at its end.
func withWebServer<Value: Sendable>(_ folder: String, _ body: (String) async throws -> Value) async throws -> Value {
    let script = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/support.py"
    let result = try await Subprocess.run(.name("python3"), arguments: ["-B", script, folder], input: .none, output: .sequence, error: .discarded) {
        server in
        var lines = server.standardOutput.strings().makeAsyncIterator()
        guard let line = try await lines.next(), let port = Int(line.filter(\.isNumber)) else {
            throw ToolFailure(description: "the web server said no port")
        }
        let value = try await body("http://127.0.0.1:\(port)")
        await server.teardown(using: [.gracefulShutDown(allowedDurationToNextStep: .seconds(1))])
        return value
    }
    return result.closureResult
}

func writeFile(_ path: String, _ bytes: [UInt8]) throws {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0 else { throw ToolFailure(description: "\(path) cannot be written: errno \(errno)") }
    defer { close(descriptor) }
    var offset = 0
    while offset < bytes.count {
        let written = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress?.advanced(by: offset), $0.count - offset) }
        guard written > 0 else { throw ToolFailure(description: "\(path) cannot be written: errno \(errno)") }
        offset += written
    }
}

func readFile(_ path: String) throws -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY)
    guard descriptor >= 0 else { throw ToolFailure(description: "\(path) cannot be read: errno \(errno)") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw ToolFailure(description: "\(path) cannot be read: errno \(errno)") }
        if count == 0 { return bytes }
        bytes += buffer[0..<count]
    }
}

func isFile(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

/// Bytes that look random and are the same each time.
func noise(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed &* 6364136223846793005 &+ 1442695040888963407
    return (0..<count).map { _ in
        state = state &* 6364136223846793005 &+ 1442695040888963407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}

/// The code of the error that `body` throws.
func thrown<Failure: Error & Equatable>(_ kind: Failure.Type, _ body: () async throws -> Void) async -> Failure? {
    do {
        try await body()
        return nil
    } catch {
        if error as? Failure == nil { Issue.record("another error: \(error)") }
        return error as? Failure
    }
}
