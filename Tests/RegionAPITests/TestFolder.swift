// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A folder that goes away with its last reference.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/gantry-api-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw TestRegionError(description: "mkdtemp failed") }
        self.path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func write(_ name: String, _ text: String) throws {
        try self.write(name, Array(text.utf8))
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        let descriptor = unsafe open("\(self.path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw TestRegionError(description: "open \(name) failed") }
        defer { close(descriptor) }
        guard unsafe bytes.withUnsafeBytes({ unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
            throw TestRegionError(description: "write \(name) failed")
        }
    }
}
