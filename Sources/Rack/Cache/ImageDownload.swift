// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import HTTPClient
internal import Images
internal import Logging
internal import Synchronization

/// Fetches image files into the rack's cache, by content: from another rack that has them, else from a region. Wherever they come from,
/// they are kept only when their digest is right; an interrupted file goes on where it was, also from another source.
///
/// A rack that sent wrong octets is not asked again for an hour, and one that was silent not for half a minute.
final class ImageDownload: Sendable {
    /// Regions are asked over mutual TLS.
    struct Regions: Sendable {
        /// The URLs of their folders of images.
        var urls: [String]
        var certificateAuthorities: String
        var certificate: ClientCertificate
    }

    private let regions: Regions
    private let cache: ImageCache
    private let logger: Logger
    private let client = HTTPClient(maximumConnections: 8)
    private struct State {
        var siblings: [String] = []
        var avoidedUntil: [String: Duration] = [:]
    }

    private let state = Mutex(State())
    private static let distrust = Duration.seconds(3600)
    private static let avoidance = Duration.seconds(30)

    init(regions: Regions, cache: ImageCache, logger: Logger) {
        self.regions = regions
        self.cache = cache
        self.logger = logger
    }

    /// Replaces the other racks, given as the base URLs of their HTTP servers.
    func useSiblings(_ urls: [String]) {
        self.state.withLock { state in
            state.siblings = urls
            state.avoidedUntil = state.avoidedUntil.filter { urls.contains($0.key) }
        }
    }

    /// Has the file in the cache, verified, or throws what the last source said.
    func fetch(_ digest: String) async throws {
        guard let content = ContentDigest(hex: digest) else { throw RackStartError("'\(digest.prefix(80))' is not a SHA-256") }
        if self.cache.store.contains(content) { return }
        defer { self.cache.settled(content) }
        var failure: any Error = RackStartError("no region is known")
        for source in self.sources(content) {
            do {
                try await self.fetch(content, from: source)
                return
            } catch let error as ImageCacheError {
                throw error
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                self.avoid(source, after: error)
                self.logger.debug("image not had here", metadata: ["image.source": "\(source.request.url)", "error": "\(error)"])
                failure = error
            }
        }
        throw failure
    }

    private struct Source {
        var request: HTTPRequest
        /// The other rack's URL; nil for a region.
        var sibling: String?
    }

    /// Other racks are nearer. They are asked without TLS, since what they send is believed for its digest alone.
    private func sources(_ digest: ContentDigest) -> [Source] {
        let now = BootClock.monotonic
        let usable = self.state.withLock { state in state.siblings.filter { (state.avoidedUntil[$0] ?? .zero) <= now } }
        let siblings = usable.map { url in
            // A sibling without the file must not begin to look for it: it might ask this rack (RFC 9111, section 5.2.1.7).
            var request = HTTPRequest(url: "\(url)/images/\(digest)", headers: [HTTPHeader("Cache-Control", "only-if-cached")])
            request.timeout = .seconds(5)
            request.connectTimeout = .seconds(2)
            return Source(request: request, sibling: url)
        }
        return siblings
            + self.regions.urls.map { url in
                var request = HTTPRequest(url: "\(url)/\(digest)")
                request.certificateAuthorities = self.regions.certificateAuthorities
                request.clientCertificate = self.regions.certificate
                return Source(request: request)
            }
    }

    private func avoid(_ source: Source, after error: any Error) {
        let isCorrupt = (error as? ContentStoreError)?.code == .wrongDigest
        if isCorrupt {
            self.logger.warning("an image came with the wrong content", metadata: ["image.source": "\(source.request.url)", "error": "\(error)"])
        }
        guard let sibling = source.sibling, isCorrupt || error is HTTPClientError else { return }
        let until = BootClock.monotonic + (isCorrupt ? Self.distrust : Self.avoidance)
        self.state.withLock { $0.avoidedUntil[sibling] = until }
    }

    private func fetch(_ digest: ContentDigest, from source: Source) async throws {
        let isGoingOn = self.cache.store.partialSize(of: digest) > 0
        do {
            try await self.attempt(digest, by: source.request)
        } catch let error as ContentStoreError where error.code == .wrongDigest && isGoingOn {
            // The beginning came from elsewhere: only a whole file shows whether this source is wrong.
            try await self.attempt(digest, by: source.request)
        }
    }

    private func attempt(_ digest: ContentDigest, by request: HTTPRequest) async throws {
        let offset = self.cache.store.partialSize(of: digest)
        let answer = try await self.client.open(request, offset: offset)
        guard answer.status == (offset > 0 ? 206 : 200) else {
            // What is there may be longer than the file: begun anew the next time.
            if answer.status == 416 { try self.cache.store.remove(digest) }
            throw ImageCacheError.Refused(description: "\(request.url) answered \(answer.status)")
        }
        guard let rest = answer.headers.first(where: { $0.name.lowercased() == "content-length" }).flatMap({ Int64($0.value) }) else {
            throw ImageCacheError.Refused(description: "\(request.url) does not say how long the file is")
        }
        let size = rest &+ offset
        try self.cache.makeRoom(for: digest, bytes: size)
        let writer = try await self.cache.store.writer(for: digest, size: size)
        guard writer.offset == offset else {
            await writer.abandon(keepingPartial: true)
            throw ImageCacheError.Refused(description: "\(digest) is being stored by somebody else")
        }
        do {
            for try await chunk in answer.body { try await writer.append(chunk) }
            try await writer.finish()
        } catch let error as ContentStoreError where error.code != .incomplete {
            await writer.abandon(keepingPartial: false)
            throw error
        } catch {
            await writer.abandon(keepingPartial: true)
            throw error
        }
    }
}

extension ImageCacheError {
    /// A source did not give the file; another one may.
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }
}
