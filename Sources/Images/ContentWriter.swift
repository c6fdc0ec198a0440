// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import HTTPClient
internal import OpenSSL
internal import Synchronization

/// Content on its way into a store. Used by one task; letting go of it leaves the partial file for the next attempt.
public final class ContentWriter: Sendable {
    private struct State {
        var hash: SHA256
        var offset: Int64
    }

    private let store: ContentStore
    private let digest: ContentDigest
    private let size: Int64?
    private let path: String
    private let descriptor: Int32
    private let state: Mutex<State>

    /// Opens and locks the partial file, and hashes what is kept of it.
    init(store: ContentStore, digest: ContentDigest, size: Int64?, keepingPartial: Bool) throws {
        self.store = store
        self.digest = digest
        self.size = size
        let path = store.partialPath(of: digest)
        self.path = path
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError.make(path) }
        var isKept = false
        defer { if !isKept { close(descriptor) } }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw errno == EWOULDBLOCK ? ContentStoreError(.busy, "\(digest) is being stored by somebody else") : FileError.make(path)
        }
        let known = keepingPartial ? Int64(lseek(descriptor, 0, SEEK_END)) : 0
        // More than the whole, or the whole without a rename: what is there is not worth hashing
        let kept = size.map { known < $0 ? known : 0 } ?? known
        guard ftruncate(descriptor, Int(kept)) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else { throw FileError.make(path) }
        if let size, let free = FileError.free(at: path), free < size - kept {
            throw ContentStoreError(.diskFull, "\(store.directory): \(size - kept) bytes are needed for \(digest), \(free) are free")
        }
        self.state = Mutex(State(hash: try FileDigest.hash(descriptor, path, count: kept), offset: kept))
        self.descriptor = descriptor
        isKept = true
    }

    deinit {
        self.unlock()
        close(self.descriptor)
    }

    /// Closing alone would not do: a child process that is just being started may hold a copy of the descriptor, and the lock with it.
    private func unlock() { _ = flock(self.descriptor, LOCK_UN) }

    /// How many bytes are there: the next one wanted.
    public var offset: Int64 { self.state.withLock { $0.offset } }

    /// Writes and hashes the next bytes.
    /// - Throws: `ContentStoreError`: `wrongSize` when it is more than there should be, `diskFull`, `storageFailed`.
    public func append(_ bytes: [UInt8]) async throws {
        try await DiskQueue.run { try self.write(bytes) }
    }

    private func write(_ bytes: [UInt8]) throws {
        try self.state.withLock { state in
            if let size = self.size, state.offset + Int64(bytes.count) > size {
                throw ContentStoreError(.wrongSize, "\(self.digest): longer than \(size) bytes")
            }
            var done = 0
            while done < bytes.count {
                let written = unsafe bytes.withUnsafeBytes {
                    unsafe Glibc.write(self.descriptor, $0.baseAddress?.advanced(by: done), $0.count - done)
                }
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else { throw FileError.make(self.path) }
                done += written
            }
            state.hash.update(bytes)
            state.offset += Int64(bytes.count)
        }
    }

    /// Checks size and digest, syncs, and gives the content its name.
    /// - Throws: `ContentStoreError`: `incomplete`, `wrongDigest` (the content is removed), `storageFailed`.
    public func finish() async throws {
        try await DiskQueue.run { try self.publish() }
    }

    private func publish() throws {
        let (offset, hex) = self.state.withLock { state -> (Int64, String) in
            var hash = state.hash
            return (state.offset, hash.finalizeHex())
        }
        if let size = self.size, offset != size {
            throw ContentStoreError(.incomplete, "\(self.digest): \(offset) bytes came, \(size) were expected")
        }
        guard hex == self.digest.hex else {
            unsafe unlink(self.path)
            throw ContentStoreError(.wrongDigest, "the content has the SHA-256 \(hex), expected \(self.digest)")
        }
        guard fsync(self.descriptor) == 0, unsafe rename(self.path, self.store.path(of: self.digest)) == 0 else { throw FileError.make(self.path) }
        let folder = unsafe open("\(self.store.directory)/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw FileError.make(self.store.directory) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw FileError.make(self.store.directory) }
        self.unlock()
    }

    /// Gives up, and lets others try. The writer is of no use afterwards.
    /// - Parameter keepingPartial: whether the next attempt may go on with what is there. When the disk is full it must not stay.
    public func abandon(keepingPartial: Bool) async {
        if !keepingPartial { _ = unsafe unlink(self.path) }
        self.unlock()
    }
}
