// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore

/// An open file of the content store; closed with its last user. Reading does not move anything, so all may share it.
final class OpenContent: Sendable {
    let descriptor: Int32
    let size: UInt64
    /// When the file came to this rack, in seconds since 1970.
    let modified: Int64
    /// All of a file that is small.
    let hot: ByteBuffer?

    /// Nil when the file cannot be opened or is not a plain file.
    ///
    /// - Parameter hotLimit: The longest file, in octets, that is kept in memory too.
    init?(path: String, hotLimit: Int = 0) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size >= 0 else {
            _ = close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        self.size = UInt64(status.st_size)
        self.modified = Int64(status.st_mtim.tv_sec)
        self.hot = Self.bytes(of: descriptor, size: self.size, limit: hotLimit).map { ByteBuffer(bytes: $0) }
    }

    /// Another descriptor of the file, for one event loop.
    ///
    /// - Throws: When the process has no descriptor left.
    func duplicate() throws -> NIOFileHandle {
        let descriptor = dup(self.descriptor)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "dup") }
        return NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
    }

    deinit {
        _ = close(self.descriptor)
    }

    /// Fills the buffer with the octets from `offset` of the file on.
    ///
    /// - Returns: Whether all of them were there.
    func read(at offset: UInt64, into buffer: inout [UInt8]) -> Bool {
        Self.read(self.descriptor, at: offset, into: &buffer)
    }

    /// All of the file, when it is not longer than `limit` octets and can be read.
    func bytes(limit: Int) -> [UInt8]? {
        Self.bytes(of: self.descriptor, size: self.size, limit: limit)
    }

    private static func bytes(of descriptor: Int32, size: UInt64, limit: Int) -> [UInt8]? {
        guard limit > 0, size <= UInt64(limit) else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        return Self.read(descriptor, at: 0, into: &bytes) ? bytes : nil
    }

    private static func read(_ descriptor: Int32, at offset: UInt64, into buffer: inout [UInt8]) -> Bool {
        unsafe buffer.withUnsafeMutableBytes { raw in
            var done = 0
            while done < raw.count {
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: raw[done...])
                let count = unsafe pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
    }
}
