// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Logging
public import ServiceLifecycle
import Synchronization

/// Fetches contents that machines ask for and the rack does not have, each once however many ask.
public final class ContentFetches: Service, Sendable {
    /// The limits of fetching.
    public struct Configuration: Sendable, Hashable {
        /// Fetches at the same time: few, because each can fill the link to the regions.
        public var maximumConcurrentFetches: Int
        /// Contents that are being fetched or wait for it; more are refused.
        public var maximumQueued: Int
        /// Requests that wait for one content; more are refused.
        public var maximumWaiters: Int

        public init(maximumConcurrentFetches: Int = 4, maximumQueued: Int = 64, maximumWaiters: Int = 2048) {
            self.maximumConcurrentFetches = max(1, maximumConcurrentFetches)
            self.maximumQueued = max(1, maximumQueued)
            self.maximumWaiters = max(1, maximumWaiters)
        }
    }

    private typealias Completion = @Sendable (Bool) -> Void

    private let source: any ContentSource
    private let configuration: Configuration
    private let logger: Logger
    private let bring: @Sendable (String) async throws -> Void
    private let waiting = Mutex<[String: [Completion]]>([:])
    private let queue: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    /// - Parameter fetch: Brings one content into the source, from a region or another rack.
    public init(
        source: any ContentSource, configuration: Configuration = Configuration(), logger: Logger,
        fetch: @escaping @Sendable (String) async throws -> Void
    ) {
        self.source = source
        self.configuration = configuration
        self.logger = logger
        self.bring = fetch
        (self.queue, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(configuration.maximumQueued))
    }

    /// Asks for a content.
    ///
    /// - Parameter completion: Is called once, on any thread, with whether the content is there. The caller sets its own deadline.
    public func request(_ digest: String, completion: @escaping @Sendable (Bool) -> Void = { _ in }) {
        if self.source.path(ofDigest: digest) != nil { return completion(true) }
        let isQueued = self.waiting.withLock { waiting in
            if let waiters = waiting[digest] {
                guard waiters.count < self.configuration.maximumWaiters else { return false }
                waiting[digest]?.append(completion)
                return true
            }
            guard waiting.count < self.configuration.maximumQueued else { return false }
            guard case .enqueued = self.continuation.yield(digest) else { return false }
            waiting[digest] = [completion]
            return true
        }
        if !isQueued { completion(false) }
    }

    /// Has a content here, by the same fetch as all others who ask for it.
    ///
    /// - Returns: Whether it is here.
    public func fetch(_ digest: String) async -> Bool {
        await withCheckedContinuation { continuation in self.request(digest) { continuation.resume(returning: $0) } }
    }

    /// Fetches until it is cancelled or the process shuts down; then all who wait are told no.
    public func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            for await digest in self.queue.cancelOnGracefulShutdown() {
                if running == self.configuration.maximumConcurrentFetches {
                    await group.next()
                    running -= 1
                }
                running += 1
                group.addTask { await self.fetchOne(digest) }
            }
            group.cancelAll()
        }
        self.continuation.finish()
        let rest = self.waiting.withLock { waiting in
            defer { waiting = [:] }
            return waiting.values.flatMap { $0 }
        }
        for completion in rest { completion(false) }
    }

    private func fetchOne(_ digest: String) async {
        do {
            try await self.bring(digest)
        } catch {
            self.logger.warning("a content could not be fetched", metadata: ["content.digest": "\(digest)", "error": "\(error)"])
        }
        let isThere = self.source.path(ofDigest: digest) != nil
        let waiters = self.waiting.withLock { $0.removeValue(forKey: digest) ?? [] }
        for completion in waiters { completion(isThere) }
    }
}
