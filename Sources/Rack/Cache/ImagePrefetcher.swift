// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import Synchronization

/// Fetches what the region's configuration names before a machine asks for it; tries again for as long as it is wanted.
final class ImagePrefetcher: Sendable {
    private let source: ImageCache
    private let fetches: ContentFetches
    private let logger: Logger
    private let wanted = Mutex<[String]>([])
    private let bell: AsyncStream<Void>
    private let ring: AsyncStream<Void>.Continuation

    init(source: ImageCache, fetches: ContentFetches, logger: Logger) {
        self.source = source
        self.fetches = fetches
        self.logger = logger
        (self.bell, self.ring) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Replaces what is wanted.
    func want(_ digests: [String]) {
        self.source.want(digests)
        self.wanted.withLock { $0 = digests }
        self.ring.yield()
    }

    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                while (try? await Task.sleep(for: .seconds(15))) != nil { self.ring.yield() }  // cancelled: the rack stops
            }
            for await _ in self.bell {
                for digest in self.wanted.withLock({ $0 }) where self.source.path(ofDigest: digest) == nil {
                    // Why it was not had is told by the fetch.
                    if await self.fetches.fetch(digest) { self.logger.info("image cached", metadata: ["image.digest": "\(digest)"]) }
                }
            }
            group.cancelAll()
        }
    }
}
