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

    private static func download(_ cache: ImageCache, siblings: [String]) -> ImageDownload {
        let none = ClientCertificate(certificateFile: "/none", privateKeyFile: "/none")
        let download = ImageDownload(
            regions: .init(urls: [], certificateAuthorities: "/none", certificate: none), cache: cache, logger: Self.logger)
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
                let download = Self.download(cache, siblings: [base])
                await #expect(throws: ContentStoreError.self) { try await download.fetch(digest) }
                #expect(cache.path(ofDigest: digest) == nil)
                try await download.fetch(digest)
                #expect(cache.path(ofDigest: digest) != nil, "begun anew")
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
