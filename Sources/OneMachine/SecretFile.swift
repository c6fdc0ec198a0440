// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// Files that only their owner may read.
enum SecretFile {
    static func write(_ text: String, to path: String) throws {
        let bytes = Array(text.utf8)
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw OneMachineError("\(path) cannot be written: \(unsafe String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        guard fchmod(descriptor, 0o600) == 0,
            unsafe bytes.withUnsafeBytes({ unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }) == bytes.count
        else { throw OneMachineError("\(path) could not be written whole: \(unsafe String(cString: strerror(errno)))") }
    }
}
