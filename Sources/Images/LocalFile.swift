// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import HTTPClient

/// A file of a stream that is a folder on this machine. libcurl cannot pause a `file` URL, so these are read here.
struct LocalFile {
    private static let pieceSize = 1 << 20
    private let path: String

    /// Nil when the URL is no `file` URL.
    init?(url: String) {
        guard url.lowercased().hasPrefix("file://") else { return nil }
        var bytes: [UInt8] = []
        var rest = url.utf8.dropFirst(7)
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        self.path = String(decoding: bytes, as: UTF8.self)
    }

    /// Hands the file's bytes from an offset on to the closure, a mebibyte at a time.
    ///
    /// - Throws: `HTTPClientError` as for a URL that cannot be read, and what the closure throws.
    func read(from offset: Int64, _ take: ([UInt8]) async throws -> Void) async throws {
        let descriptor = unsafe open(self.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw HTTPClientError(.fileNotFound, "\(self.path): \(FileError.last)") }
        defer { close(descriptor) }
        var offset = offset
        while true {
            try Task.checkCancellation()
            let piece = try await self.piece(of: descriptor, at: offset)
            if piece.isEmpty { return }
            offset += Int64(piece.count)
            try await take(piece)
        }
    }

    private func piece(of descriptor: Int32, at offset: Int64) async throws -> [UInt8] {
        let path = self.path
        return try await DiskQueue.run {
            var piece = [UInt8](repeating: 0, count: Self.pieceSize)
            let count = unsafe piece.withUnsafeMutableBytes { unsafe pread(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
            guard count >= 0 else { throw HTTPClientError(.fileFailed, "\(path): \(FileError.last)") }
            piece.removeLast(piece.count - count)
            return piece
        }
    }
}
