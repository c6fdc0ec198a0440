// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import FoundationEssentials

/// The lab's files: small, and readable by their owner only, because some hold passwords.
enum LabFiles {
    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    static func makeDirectory(_ path: String) throws {
        try self.naming(path) {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
    }

    static func write(_ text: String, to path: String) throws {
        let new = path + ".new"
        // In place at once: a script that runs goes on reading its old file.
        try self.naming(path) {
            if self.exists(new) { try FileManager.default.removeItem(atPath: new) }
            guard FileManager.default.createFile(atPath: new, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]) else {
                throw LabError(.file, "cannot be written")
            }
            if self.exists(path) { try FileManager.default.removeItem(atPath: path) }
            try FileManager.default.moveItem(atPath: new, toPath: path)
        }
    }

    static func read(_ path: String) throws -> String {
        try self.naming(path) { try String(contentsOfFile: path, encoding: .utf8) }
    }

    static func copy(_ source: String, to path: String) throws {
        try self.naming(source) { try FileManager.default.copyItem(atPath: source, toPath: path) }
    }

    static func folders(in path: String) -> [String] {
        // Without the folder there is nothing in it.
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted().map { path + "/" + $0 }
    }

    private static func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch { throw LabError(.file, "\(path): \(error)") }
    }
}
