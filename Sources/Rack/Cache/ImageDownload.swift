// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import HTTPClient
internal import Images
internal import Logging
internal import Synchronization

/// Fetches image files into the rack's cache, by content: from another rack that has them, else from a region. Wherever they come from,
/// they are kept only when their digest is right; an interrupted file goes on where it was.
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
    private let siblings = Mutex<[String]>([])

    init(regions: Regions, cache: ImageCache, logger: Logger) {
        self.regions = regions
        self.cache = cache
        self.logger = logger
    }

    /// Replaces the other racks, given as the base URLs of their HTTP servers.
    func useSiblings(_ urls: [String]) {
        self.siblings.withLock { $0 = urls }
    }

    /// Has the file in the cache, verified, or throws what the last source said.
    func fetch(_ digest: String) async throws {
        guard let content = ContentDigest(hex: digest) else { throw RackStartError("'\(digest.prefix(80))' is not a SHA-256") }
        if self.cache.store.contains(content) { return }
        defer { self.cache.settled(content) }
        var failure: any Error = RackStartError("no region is known")
        for request in self.requests(content) {
            do {
                try await self.fetch(content, by: request)
                return
            } catch let error as ImageCacheError {
                throw error
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                self.logger.debug("image not had here", metadata: ["image.source": "\(request.url)", "error": "\(error)"])
                failure = error
            }
        }
        throw failure
    }

    /// Other racks are nearer. They are asked without TLS, since what they send is believed for its digest alone.
    private func requests(_ digest: ContentDigest) -> [HTTPRequest] {
        let siblings = self.siblings.withLock { $0 }.map { url in
            // A sibling without the file must not begin to look for it: it might ask this rack (RFC 9111, section 5.2.1.7).
            var request = HTTPRequest(url: "\(url)/images/\(digest)", headers: [HTTPHeader("Cache-Control", "only-if-cached")])
            request.timeout = .seconds(10)
            request.connectTimeout = .seconds(2)
            return request
        }
        return siblings
            + self.regions.urls.map { url in
                var request = HTTPRequest(url: "\(url)/\(digest)")
                request.certificateAuthorities = self.regions.certificateAuthorities
                request.clientCertificate = self.regions.certificate
                return request
            }
    }

    private func fetch(_ digest: ContentDigest, by request: HTTPRequest) async throws {
        let offset = self.cache.store.partialSize(of: digest)
        let answer = try await self.client.open(request, offset: offset)
        guard answer.status == (offset > 0 ? 206 : 200) else {
            // What is there may be longer than the file: begun anew the next time.
            if answer.status == 416 { try self.cache.store.remove(digest) }
            throw ImageCacheError.Refused(description: "\(request.url) answered \(answer.status)")
        }
        let rest = answer.headers.first { $0.name.lowercased() == "content-length" }.flatMap { Int64($0.value) }
        let size = rest.map { $0 &+ offset }
        try self.cache.makeRoom(for: digest, bytes: size ?? 0)
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
