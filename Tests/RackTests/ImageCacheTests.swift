// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Glibc
import HTTPClient
import Images
import Logging
import NIOPosix
import OpenSSL
import Synchronization
import TestSupport
import Testing

@testable import Rack

@Suite struct CacheEvictionTests {
    private typealias Entry = CacheEviction.Entry

    private static let entries = [
        Entry(digest: "a", bytes: 10, lastUse: 3, isWanted: false), Entry(digest: "b", bytes: 20, lastUse: 1, isWanted: true),
        Entry(digest: "c", bytes: 30, lastUse: 2, isWanted: false), Entry(digest: "d", bytes: 40, lastUse: 2, isWanted: false),
    ]

    @Test(arguments: [
        (0, 100, []), (1, 100, ["c"]), (30, 100, ["c"]), (31, 100, ["c", "d"]), (80, 100, ["c", "d", "a"]), (0, 20, ["c", "d", "a"]),
    ])
    func `what was used longest ago goes first, and no more than is needed`(incoming: Int64, limit: Int64, expected: [String]) {
        #expect(CacheEviction.victims(of: Self.entries, incoming: incoming, limit: limit) == expected)
    }

    @Test(arguments: [(81, 100), (0, 19), (Int64.max, 100)] as [(Int64, Int64)])
    func `what machines are told to boot stays, and nothing is removed in vain`(incoming: Int64, limit: Int64) {
        #expect(CacheEviction.victims(of: Self.entries, incoming: incoming, limit: limit) == nil)
    }
}

@Suite struct ImageCacheTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A cache in a folder of its own.
    private static func cache(limit: Int64 = 100_000_000, _ body: (ImageCache) async throws -> Void) async throws {
        let content = try DirectoryContent()
        defer { try? FileManager.default.removeItem(atPath: content.directory + "/store") }  // a temporary folder
        try await body(ImageCache(store: ContentStore(directory: content.directory + "/store"), limit: limit, logger: Self.logger))
    }

    private static func download(_ cache: ImageCache, siblings: [String], regions: [TestRegion] = []) -> ImageDownload {
        let none = ClientCertificate(certificateFile: "/none", privateKeyFile: "/none")
        let download = ImageDownload(
            regions: .init(urls: regions.map { "http://127.0.0.1:\($0.port)/images" }, certificateAuthorities: "/none", certificate: none),
            cache: cache, logger: Self.logger)
        download.useSiblings(siblings)
        return download
    }

    @Test func `an image is had from the sibling that has it, and one without it does not begin to look for it`() async throws {
        let image = BootFixture.pattern(3_000_000)
        try await HTTPServiceTests.serving { poor, first, _ in
            // It could have it, if it asked its own region.
            poor.remote.withLock { $0[SHA256.hexDigest(of: image)] = image }
            try await HTTPServiceTests.serving { rich, second, _ in
                let digest = try rich.content.insert(image)
                try await Self.cache { cache in
                    try await Self.download(cache, siblings: ["http://127.0.0.1:1", first, second]).fetch(digest)
                    let path = try #require(cache.path(ofDigest: digest))
                    #expect(FileManager.default.contents(atPath: path).map(Array.init) == image)
                }
                #expect(poor.fetchCount.load(ordering: .relaxed) == 0)
            }
        }
    }

    @Test func `what an interrupted fetch left is not fetched again, and is believed only when all of it is right`() async throws {
        let image = BootFixture.pattern(2_000_000)
        try await HTTPServiceTests.serving { rich, base, _ in
            let digest = try rich.content.insert(image)
            try await Self.cache { cache in
                let content = try #require(ContentDigest(hex: digest))
                let writer = try await cache.store.writer(for: content, size: 2_000_000)
                try await writer.append(Array(image[..<1_500_000]))
                await writer.abandon(keepingPartial: true)
                try await Self.download(cache, siblings: [base]).fetch(digest)
                #expect(cache.path(ofDigest: digest) != nil)
            }
            try await eventually("the sibling has sent the rest") { rich.observed(.httpDone).map(\.bytes) == [500_000] }
            try await Self.cache { cache in
                let content = try #require(ContentDigest(hex: digest))
                let writer = try await cache.store.writer(for: content, size: 2_000_000)
                try await writer.append([UInt8](repeating: 0, count: 1_500_000))
                await writer.abandon(keepingPartial: true)
                try await Self.download(cache, siblings: [base]).fetch(digest)
                #expect(try await cache.store.verify(content), "begun anew")
            }
        }
    }

    @Test func `a rack that sends wrong octets is dropped for the next source, and not asked again`() async throws {
        let images = (0..<2).map { BootFixture.pattern(300_000 + $0) }
        let digests = images.map { SHA256.hexDigest(of: $0) }
        let corrupt = try await TestRegion { _ in TestRegion.Answer(body: [UInt8](repeating: 7, count: 300_000)) }
        let region = try await TestRegion { request in
            TestRegion.Answer(body: images[digests.firstIndex { request.uri.hasSuffix($0) } ?? 0])
        }
        try await Self.cache { cache in
            let download = Self.download(cache, siblings: ["http://127.0.0.1:\(corrupt.port)"], regions: [region])
            for digest in digests {
                try await download.fetch(digest)
                #expect(try await cache.store.verify(#require(ContentDigest(hex: digest))))
            }
            #expect(corrupt.requests.count == 1 && region.requests.count == 2)
        }
    }

    @Test func `a file goes on from another source where one broke off, and from the start when what came was wrong`() async throws {
        let image = BootFixture.pattern(2_000_000)
        for (octets, sent) in [(image, UInt64(1_200_000)), ([UInt8](repeating: 7, count: 2_000_000), 2_000_000)] {
            let dying = try await TestRegion { _ in TestRegion.Answer(body: octets, cutAfter: 800_000) }
            try await HTTPServiceTests.serving { rich, base, _ in
                let digest = try rich.content.insert(image)
                try await Self.cache { cache in
                    try await Self.download(cache, siblings: ["http://127.0.0.1:\(dying.port)", base]).fetch(digest)
                    #expect(try await cache.store.verify(#require(ContentDigest(hex: digest))))
                }
                try await eventually("the second source has sent it") { rich.observed(.httpDone).last?.bytes == sent }
            }
        }
    }

    @Test func `what interrupted fetches left counts, and goes when there is no room`() async throws {
        try await HTTPServiceTests.serving { rich, base, _ in
            let digest = try rich.content.insert(BootFixture.pattern(1_000_000))
            try await Self.cache(limit: 1_500_000) { cache in
                let left = try #require(ContentDigest(hex: String(repeating: "a", count: 64)))
                let writer = try await cache.store.writer(for: left, size: 2_000_000)
                try await writer.append([UInt8](repeating: 0, count: 900_000))
                await writer.abandon(keepingPartial: true)
                try await Self.download(cache, siblings: [base]).fetch(digest)
                #expect(cache.path(ofDigest: digest) != nil && cache.store.partialSize(of: left) == 0)
            }
        }
    }

    @Test(.timeLimit(.minutes(5))) func `two hundred machines that ask at once are one request to the region`() async throws {
        let image = BootFixture.pattern(200_000)
        let digest = SHA256.hexDigest(of: image)
        let region = try await TestRegion { _ in TestRegion.Answer(body: image) }
        try await Self.cache { cache in
            let download = Self.download(cache, siblings: [], regions: [region])
            let gate = AsyncStream<Void>.makeStream()
            let fetches = ContentFetches(source: cache, logger: Self.logger) { digest in
                for await _ in gate.stream { break }
                try await download.fetch(digest)
            }
            let observations = BootObservations()
            let service = BootHTTPService(
                configuration: BootHTTPConfiguration(address: "127.0.0.1", port: 0, maximumConnectionsPerClient: 300, fetchDeadline: .seconds(60)),
                answers: BootAnswers(), content: cache, fetches: fetches, observations: observations,
                forwarder: HTTPServiceTests.NoRegion(), logger: Self.logger, group: MultiThreadedEventLoopGroup.singleton)
            let port = try await service.bind()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await fetches.run() }
                group.addTask { try await service.run() }
                let machines = try await (0..<200).asyncMap { _ in try await RawConnection(port: port) }
                for machine in machines { machine.send("GET /images/\(digest)/squashfs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") }
                // The rack itself wants the image too.
                async let prefetched = fetches.fetch(digest)
                var seen = 0
                for await event in observations.events where event.kind == .httpRequest {
                    seen += 1
                    if seen == 200 { break }
                }
                gate.continuation.yield()
                #expect(await prefetched)
                for machine in machines { try await machine.waitForEnd() }
                #expect(machines.allSatisfy { Array($0.received.suffix(image.count)) == image })
                #expect(region.requests.count == 1)
                group.cancelAll()
            }
        }
    }

    @Test func `a full cache gives up what is not wanted, and refuses what does not fit beside the rest`() async throws {
        try await HTTPServiceTests.serving { rich, base, _ in
            let digests = try (0..<3).map { try rich.content.insert(BootFixture.pattern(1_000_000 + $0)) }
            try await Self.cache(limit: 2_500_000) { cache in
                let download = Self.download(cache, siblings: [base])
                for digest in digests { try await download.fetch(digest) }
                #expect(cache.path(ofDigest: digests[2]) != nil)
                let left = digests.filter { cache.path(ofDigest: $0) != nil }
                #expect(left.count == 2)
                cache.want(left)
                let gone = try #require(digests.first { !left.contains($0) })
                await #expect(throws: ImageCacheError.self) { try await download.fetch(gone) }
                #expect(left.allSatisfy { cache.path(ofDigest: $0) != nil })
            }
        }
    }
}
