// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// An open file of the content store; closed with its last user. Reading does not move anything, so all may share it.
final class OpenContent: Sendable {
    let descriptor: Int32
    let size: UInt64

    /// Nil when the file cannot be opened or is not a plain file.
    init?(path: String) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size >= 0 else {
            _ = close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        self.size = UInt64(status.st_size)
    }

    deinit {
        _ = close(self.descriptor)
    }

    /// Fills the buffer with the octets from `offset` of the file on.
    ///
    /// - Returns: Whether all of them were there.
    func read(at offset: UInt64, into buffer: inout [UInt8]) -> Bool {
        unsafe buffer.withUnsafeMutableBytes { raw in
            var done = 0
            while done < raw.count {
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: raw[done...])
                let count = unsafe pread(self.descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
    }

    /// All of the file, when it is not longer than `limit` octets and can be read.
    func bytes(limit: Int) -> [UInt8]? {
        guard self.size <= UInt64(limit) else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(self.size))
        return self.read(at: 0, into: &bytes) ? bytes : nil
    }
}
