// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Images
internal import Logging
internal import Synchronization

/// The rack's image files, by content, within a bound. All of it can be lost.
final class ImageCache: ContentSource {
    let store: ContentStore
    private let limit: Int64
    private let logger: Logger
    private struct State {
        var lastUse: [String: Int64] = [:]
        var wanted: Set<String> = []
        /// Sizes of what is being fetched: room that is spoken for.
        var reserved: [String: Int64] = [:]
    }
    private let state = Mutex(State())

    /// - Parameter limit: the most that is kept, in bytes.
    init(store: ContentStore, limit: Int64, logger: Logger) {
        self.store = store
        self.limit = limit
        self.logger = logger
    }

    func path(ofDigest digest: String) -> String? {
        guard let content = ContentDigest(hex: digest), self.store.contains(content) else { return nil }
        self.state.withLock { $0.lastUse[digest] = Self.now }
        return self.store.path(of: content)
    }

    /// Keeps what machines are told to boot, whatever else has to go.
    func want(_ digests: [String]) {
        self.state.withLock { $0.wanted = Set(digests) }
    }

    /// Removes what was used longest ago until there is room.
    ///
    /// - Throws: `ImageCacheError` when what machines are told to boot leaves no room.
    func makeRoom(for digest: ContentDigest, bytes: Int64) throws {
        // Looked at before the lock is taken, on which boot answers wait.
        let files = try self.files(but: digest)
        let victims: [String] = try self.state.withLock { state in
            let known = files.filter { state.reserved[$0.digest] == nil }.map { file in
                var entry = file
                entry.lastUse = max(state.lastUse[file.digest] ?? file.lastUse, file.lastUse)
                entry.isWanted = state.wanted.contains(file.digest)
                return entry
            }
            let others = state.reserved.filter { $0.key != digest.hex }.values.reduce(0, &+)
            guard let victims = CacheEviction.victims(of: known, incoming: bytes &+ others, limit: self.limit) else {
                throw ImageCacheError(
                    description: "\(digest) of \(bytes) bytes does not fit into an image cache of \(self.limit) bytes beside what machines are told "
                        + "to boot. Next: raise image_cache_gib in rackd's configuration")
            }
            state.reserved[digest.hex] = bytes
            for victim in victims { state.lastUse[victim] = nil }
            return victims
        }
        for victim in victims {
            guard let content = ContentDigest(hex: victim) else { continue }
            try self.store.remove(content)
            self.logger.notice("image given up for want of room", metadata: ["image.digest": "\(victim)"])
        }
    }

    /// All other files, whole ones and what interrupted fetches left, with the time at which they came here or grew.
    private func files(but digest: ContentDigest) throws -> [CacheEviction.Entry] {
        let whole = try self.store.digests().map { ($0, self.store.size(of: $0) ?? 0, self.store.path(of: $0)) }
        let partial = try self.store.partialDigests().map { ($0, self.store.partialSize(of: $0), self.store.partialPath(of: $0)) }
        return (whole + partial).filter { $0.0 != digest }.map { content, size, path in
            CacheEviction.Entry(digest: content.hex, bytes: size, lastUse: Self.modified(path), isWanted: false)
        }
    }

    /// The fetch is over, well or badly: its room is no longer spoken for.
    func settled(_ digest: ContentDigest) {
        self.state.withLock { _ = $0.reserved.removeValue(forKey: digest.hex) }
    }

    private static var now: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }

    /// When a file that was not used since the rack started came here.
    private static func modified(_ path: String) -> Int64 {
        var status = Glibc.stat()
        guard unsafe lstat(path, &status) == 0 else { return 0 }
        return Int64(status.st_mtim.tv_sec)
    }
}

/// Why an image is not cached.
struct ImageCacheError: Error, CustomStringConvertible {
    let description: String
}
