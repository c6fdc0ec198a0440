// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import OpenSSL

/// What the file system says.
enum FileError {
    /// The meaning of `errno`, right after the call that set it.
    static var last: String { unsafe String(cString: strerror(errno)) }

    /// The error for the call that just failed on `path`.
    static func make(_ path: String) -> ContentStoreError {
        let number = errno
        let text = unsafe String(cString: strerror(number))
        return ContentStoreError(number == ENOSPC || number == EDQUOT ? .diskFull : .storageFailed, "\(path): \(text)")
    }

    /// The size of a regular file; nil if there is none.
    static func size(of path: String) -> Int64? {
        var information = stat()
        guard unsafe stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int64(information.st_size)
    }

    /// Bytes that may still be written on the file system of `path`; nil if it does not say.
    static func free(at path: String) -> Int64? {
        var information = statvfs()
        guard unsafe statvfs(path, &information) == 0 else { return nil }
        let (bytes, overflow) = UInt64(information.f_bavail).multipliedReportingOverflow(by: UInt64(information.f_frsize))
        return overflow ? Int64.max : Int64(clamping: bytes)
    }
}

/// The SHA-256 of files.
enum FileDigest {
    static func hex(of path: String) throws -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError.make(path) }
        defer { close(descriptor) }
        var hash = try Self.hash(descriptor, path, count: Int64.max)
        return hash.finalizeHex()
    }

    /// The state after the first `count` bytes, or all if there are fewer.
    static func hash(_ descriptor: Int32, _ path: String, count: Int64) throws -> SHA256 {
        var hash = SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var left = count
        while left > 0 {
            let read = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, Int(min(Int64($0.count), left))) }
            if read < 0 && errno == EINTR { continue }
            guard read >= 0 else { throw FileError.make(path) }
            if read == 0 { break }
            hash.update(buffer[0..<read])
            left -= Int64(read)
        }
        return hash
    }
}
