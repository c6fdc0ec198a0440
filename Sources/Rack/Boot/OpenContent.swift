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

    /// Reads exactly `length` octets at `offset` of the file into the buffer at `start`.
    ///
    /// - Returns: Whether all of them were there.
    func read(at offset: UInt64, length: Int, into buffer: inout [UInt8], at start: Int) -> Bool {
        guard length >= 0, start >= 0, start <= buffer.count, length <= buffer.count - start else { return false }
        return unsafe buffer.withUnsafeMutableBytes { raw in
            guard let base = raw.baseAddress else { return length == 0 }
            var done = 0
            while done < length {
                let count = unsafe pread(self.descriptor, base + start + done, length - done, off_t(offset) + off_t(done))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
    }
}
