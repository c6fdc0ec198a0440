// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

extension HTTPClient {
    /// Writes the answer's body to a file and syncs it to the disk.
    ///
    /// - Parameters:
    ///   - path: made if it does not exist; what is in it before `resumeAt` is kept, the rest is cut off.
    ///   - resumeAt: how many bytes the file has already. The server is asked for the rest only.
    ///   - expectedSize: the size of the whole file, if known; another size is an error.
    ///   - progress: called with the bytes in the file and the whole size (nil when neither you nor the server know it).
    /// - Returns: the bytes in the file.
    /// - Throws: `HTTPClientError`: besides network errors `refused` for a status that is not 2xx, `rangeRefused`, `wrongSize`, `fileFailed`.
    @discardableResult
    public func download(
        _ request: HTTPRequest, to path: String, resumeAt: Int64 = 0, expectedSize: Int64? = nil,
        progress: @Sendable (_ bytes: Int64, _ size: Int64?) -> Void = { _, _ in }
    ) async throws -> Int64 {
        let answer = try await self.open(request, offset: resumeAt)
        guard (200..<300).contains(answer.status) else {
            throw HTTPClientError(answer.status == 416 ? .rangeRefused : .refused, "\(request.url): status \(answer.status)")
        }
        let isFile = request.url.lowercased().hasPrefix("file://")
        guard resumeAt == 0 || answer.status == 206 || isFile else {
            throw HTTPClientError(.rangeRefused, "\(request.url): the server does not go on at byte \(resumeAt)")
        }
        let size = expectedSize ?? answer.header("Content-Length").flatMap { Int64($0) }.map { $0 + (isFile ? 0 : resumeAt) }
        let file = try await DiskQueue.run { try DownloadFile(path, keeping: resumeAt) }
        var done = resumeAt
        for try await chunk in answer.body {
            done += Int64(chunk.count)
            if let expectedSize, done > expectedSize {
                throw HTTPClientError(.wrongSize, "\(request.url): longer than the expected \(expectedSize) bytes")
            }
            try await DiskQueue.run { try file.append(chunk) }
            progress(done, size)
        }
        if let expectedSize, done != expectedSize {
            throw HTTPClientError(.wrongSize, "\(request.url): \(done) bytes came, \(expectedSize) were expected")
        }
        try await DiskQueue.run { try file.sync() }
        return done
    }
}

/// The file that a download goes to. Used by one task at a time.
private final class DownloadFile: Sendable {
    private let descriptor: Int32
    private let path: String

    init(_ path: String, keeping count: Int64) throws {
        self.path = path
        self.descriptor = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard self.descriptor >= 0, ftruncate(self.descriptor, Int(count)) == 0, lseek(self.descriptor, 0, SEEK_END) == Int(count) else {
            throw HTTPClientError(.fileFailed, "\(path): \(Self.lastError)")
        }
    }

    deinit {
        if self.descriptor >= 0 { close(self.descriptor) }
    }

    func append(_ bytes: [UInt8]) throws {
        var offset = 0
        while offset < bytes.count {
            let written = unsafe bytes.withUnsafeBytes { unsafe write(self.descriptor, $0.baseAddress?.advanced(by: offset), $0.count - offset) }
            guard written > 0 || (written < 0 && errno == EINTR) else { throw HTTPClientError(.fileFailed, "\(self.path): \(Self.lastError)") }
            offset += max(0, written)
        }
    }

    func sync() throws {
        guard fsync(self.descriptor) == 0 else { throw HTTPClientError(.fileFailed, "\(self.path): \(Self.lastError)") }
    }

    private static var lastError: String { unsafe String(cString: strerror(errno)) }
}
