// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import HTTPClient

/// A folder of files that are named by their SHA-256: `DIR/sha256/HEX`.
///
/// A file is there whole or not at all: content is written to `DIR/partial/HEX`, hashed while it comes, synced, and then renamed. What an
/// interrupted download left in `partial` can be gone on with.
public struct ContentStore: Sendable {
    public let directory: String

    /// Makes the folders if they do not exist.
    /// - Throws: `ContentStoreError`.
    public init(directory: String) throws {
        self.directory = directory.count > 1 && directory.hasSuffix("/") ? String(directory.dropLast()) : directory
        for folder in [self.directory, "\(self.directory)/sha256", "\(self.directory)/partial"]
        where unsafe mkdir(folder, 0o755) != 0 && errno != EEXIST {
            throw ContentStoreError(.storageFailed, "\(folder) cannot be made: \(FileError.last)")
        }
    }

    /// Where the content is, or will be.
    public func path(of digest: ContentDigest) -> String { "\(self.directory)/sha256/\(digest.hex)" }

    /// Where content is that is not here whole.
    public func partialPath(of digest: ContentDigest) -> String { "\(self.directory)/partial/\(digest.hex)" }

    /// Whether the whole content is here (and has that size, if one is given).
    public func contains(_ digest: ContentDigest, size: Int64? = nil) -> Bool {
        guard let found = self.size(of: digest) else { return false }
        return size == nil || size == found
    }

    /// The size of content that is here.
    public func size(of digest: ContentDigest) -> Int64? { FileError.size(of: self.path(of: digest)) }

    /// How much of content that is not here yet was left by an interrupted download.
    public func partialSize(of digest: ContentDigest) -> Int64 { FileError.size(of: self.partialPath(of: digest)) ?? 0 }

    /// Stores content from a stream, from its first byte.
    ///
    /// - Parameter size: the exact size, if known; the disk's free space is then looked at first.
    /// - Throws: `ContentStoreError`, and what the stream throws. In each case nothing is stored.
    public func insert<Stream: AsyncSequence>(_ stream: Stream, digest: ContentDigest, size: Int64? = nil) async throws
    where Stream.Element == [UInt8] {
        guard !self.contains(digest) else { return }
        let writer = try await self.writer(for: digest, size: size, keepingPartial: false)
        do {
            for try await chunk in stream { try await writer.append(chunk) }
            try await writer.finish()
        } catch {
            await writer.abandon(keepingPartial: false)
            throw error
        }
    }

    /// Begins to store content, or goes on where an interrupted download stopped: `writer.offset` is the next byte wanted.
    ///
    /// - Throws: `ContentStoreError`.
    public func writer(for digest: ContentDigest, size: Int64?, keepingPartial: Bool = true) async throws -> ContentWriter {
        try await DiskQueue.run { try ContentWriter(store: self, digest: digest, size: size, keepingPartial: keepingPartial) }
    }

    /// Removes content, and what there is of it in `partial`. Content that is not here is no error.
    public func remove(_ digest: ContentDigest) throws {
        for path in [self.path(of: digest), self.partialPath(of: digest)] where unsafe unlink(path) != 0 && errno != ENOENT {
            throw ContentStoreError(.storageFailed, "\(path) cannot be removed: \(FileError.last)")
        }
    }

    /// All that is here, in no order.
    public func digests() throws -> [ContentDigest] { try self.digests(in: "sha256") }

    /// What interrupted downloads left, in no order.
    public func partialDigests() throws -> [ContentDigest] { try self.digests(in: "partial") }

    private func digests(in name: String) throws -> [ContentDigest] {
        guard let folder = unsafe opendir("\(self.directory)/\(name)") else {
            throw ContentStoreError(.storageFailed, "\(self.directory)/\(name) cannot be read: \(FileError.last)")
        }
        defer { unsafe closedir(folder) }
        var found: [ContentDigest] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if let digest = ContentDigest(hex: name) { found.append(digest) }
        }
        return found
    }

    /// Reads content again and compares it with its name. Content that has gone bad is removed.
    /// - Returns: whether the content is here and good.
    public func verify(_ digest: ContentDigest) async throws -> Bool {
        let path = self.path(of: digest)
        guard FileError.size(of: path) != nil else { return false }
        let found = try await DiskQueue.run { try FileDigest.hex(of: path) }
        if found == digest.hex { return true }
        try self.remove(digest)
        return false
    }
}
