// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix

/// Reads a file piece by piece, away from the event loops.
actor FileReader {
    /// A file became shorter while it was sent: the connection is ended, so that the client notices.
    struct CutOff: Error {}

    /// Bytes that are read at once.
    private static let chunkSize = 256 << 10

    let size: Int
    private let handle: NIOFileHandle
    private let files = NonBlockingFileIO(threadPool: .singleton)
    private var position = 0

    init(path: String) async throws {
        self.handle = try await NIOThreadPool.singleton.runIfActive { try NIOFileHandle(_deprecatedPath: path) }
        do {
            self.size = Int(try await self.files.readFileSize(fileHandle: self.handle))
        } catch {
            try? self.handle.close()  // the first error is what counts
            throw error
        }
    }

    func seek(to offset: Int) {
        self.position = offset
    }

    /// The next piece; nil at the end.
    func next() async throws -> ByteBuffer? {
        guard self.position < self.size else { return nil }
        let chunk = try await self.files.read(
            fileHandle: self.handle, fromOffset: Int64(self.position), byteCount: min(Self.chunkSize, self.size - self.position),
            allocator: ByteBufferAllocator()
        )
        guard chunk.readableBytes > 0 else { throw CutOff() }
        self.position += chunk.readableBytes
        return chunk
    }

    func close() {
        // Nothing was written: there is nothing that closing could lose.
        try? self.handle.close()
    }
}
