// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Images

@Suite
struct ContentStoreTests {
    private func digest(of path: String) async throws -> ContentDigest {
        let text = try await tool("sha256sum", [path])
        return try #require(ContentDigest(hex: String(text.prefix(64))))
    }

    /// Some content, its digest, and a store, in a new folder.
    private func withStore(_ count: Int = 500_000, _ body: (ContentStore, [UInt8], ContentDigest) async throws -> Void) async throws {
        try await withFolder { folder in
            let content = noise(count, seed: 3)
            try writeFile(folder + "/content", content)
            try await body(try ContentStore(directory: folder + "/store/"), content, try await self.digest(of: folder + "/content"))
        }
    }

    private func pieces(_ content: [UInt8]) -> AsyncStream<[UInt8]> {
        AsyncStream { continuation in
            for begin in stride(from: 0, to: content.count, by: 70_000) {
                continuation.yield(Array(content[begin..<min(begin + 70_000, content.count)]))
            }
            continuation.finish()
        }
    }

    @Test func `a digest is 64 hexadecimal digits and nothing else`() {
        #expect(ContentDigest(hex: String(repeating: "Ab", count: 32))?.hex == String(repeating: "ab", count: 32))
        for text in [
            "", "ab", String(repeating: "g", count: 64), String(repeating: "a", count: 63), String(repeating: "a", count: 65),
            "../" + String(repeating: "a", count: 61),
        ] {
            #expect(ContentDigest(hex: text) == nil)
        }
    }

    @Test func `content is stored under its digest and can be found, listed and removed`() async throws {
        try await self.withStore { store, content, digest in
            #expect(!store.contains(digest) && store.size(of: digest) == nil)
            try await store.insert(self.pieces(content), digest: digest, size: Int64(content.count))
            #expect(store.contains(digest) && store.contains(digest, size: 500_000) && !store.contains(digest, size: 1))
            #expect(store.path(of: digest).hasSuffix("/store/sha256/\(digest.hex)"))
            #expect(try readFile(store.path(of: digest)) == content)
            #expect(try store.digests() == [digest])
            try await store.insert(self.pieces([1]), digest: digest)
            #expect(try await store.verify(digest))
            try store.remove(digest)
            try store.remove(digest)
            #expect(try store.digests() == [])
        }
    }

    @Test func `empty content can be stored`() async throws {
        try await self.withStore(0) { store, _, digest in
            try await store.insert(self.pieces([]), digest: digest, size: 0)
            #expect(store.contains(digest, size: 0))
        }
    }

    @Test func `wrong content is refused and nothing of it stays`() async throws {
        try await self.withStore { store, content, digest in
            var tampered = content
            tampered[123_456] ^= 1
            let cases: [([UInt8], Int64?, ContentStoreError.Code)] = [
                (tampered, 500_000, .wrongDigest), (tampered, nil, .wrongDigest), (content.dropLast() + [], 500_000, .incomplete),
                (content + [0], 500_000, .wrongSize),
            ]
            for (bytes, size, code) in cases {
                let error = await thrown(ContentStoreError.self) { try await store.insert(self.pieces(bytes), digest: digest, size: size) }
                #expect(error?.code == code)
                #expect(!store.contains(digest) && store.partialSize(of: digest) == 0)
            }
        }
    }

    @Test func `a stream that fails leaves nothing`() async throws {
        try await self.withStore { store, content, digest in
            let broken = AsyncThrowingStream<[UInt8], any Error> { continuation in
                continuation.yield(content)
                continuation.finish(throwing: ToolFailure(description: "broken"))
            }
            await #expect(throws: ToolFailure.self) { try await store.insert(broken, digest: digest) }
            #expect(!store.contains(digest) && store.partialSize(of: digest) == 0)
        }
    }

    @Test func `an interrupted write goes on where it was`() async throws {
        try await self.withStore { store, content, digest in
            do {
                let writer = try await store.writer(for: digest, size: 500_000)
                try await writer.append(Array(content[0..<123_457]))
            }
            #expect(store.partialSize(of: digest) == 123_457 && !store.contains(digest))
            let writer = try await store.writer(for: digest, size: 500_000)
            #expect(writer.offset == 123_457)
            try await writer.append(Array(content[123_457...]))
            try await writer.finish()
            #expect(try readFile(store.path(of: digest)) == content)
            #expect(store.partialSize(of: digest) == 0)
        }
    }

    @Test func `a partial file that was damaged meanwhile does not become content`() async throws {
        try await self.withStore { store, content, digest in
            try writeFile(store.partialPath(of: digest), [UInt8](repeating: 9, count: 1000))
            let writer = try await store.writer(for: digest, size: 500_000)
            try await writer.append(Array(content[1000...]))
            let error = await thrown(ContentStoreError.self) { try await writer.finish() }
            #expect(error?.code == .wrongDigest)
            #expect(!store.contains(digest) && store.partialSize(of: digest) == 0)
        }
    }

    @Test func `one writer at a time has a content`() async throws {
        try await self.withStore { store, content, digest in
            let first = try await store.writer(for: digest, size: 500_000)
            let error = await thrown(ContentStoreError.self) { _ = try await store.writer(for: digest, size: 500_000) }
            #expect(error?.code == .busy)
            try await first.append(content)
            try await first.finish()
            #expect(store.contains(digest))
        }
    }

    @Test func `content that went bad on the disk is found and removed`() async throws {
        try await self.withStore { store, content, digest in
            try await store.insert(self.pieces(content), digest: digest)
            try writeFile(store.path(of: digest), content.reversed())
            #expect(try await store.verify(digest) == false)
            #expect(!store.contains(digest))
        }
    }

    @Test func `content that cannot fit is refused before it is fetched`() async throws {
        try await self.withStore { store, _, digest in
            let error = await thrown(ContentStoreError.self) { _ = try await store.writer(for: digest, size: 1 << 60) }
            #expect(error?.code == .diskFull)
            #expect(error?.message.contains("are free") == true)
        }
    }

    @Test(.enabled(if: geteuid() == 0, "mounting a small file system takes root")) func `a full disk is said clearly and nothing half-stored stays`()
        async throws
    {
        try await self.withStore(3 << 20) { store, content, digest in
            try await tool("mount", ["-t", "tmpfs", "-o", "size=1m", "gantry-test", store.directory])
            let small = try ContentStore(directory: store.directory)
            let error = await thrown(ContentStoreError.self) { try await small.insert(self.pieces(content), digest: digest) }
            let left = (small.partialSize(of: digest), small.contains(digest))
            try await tool("umount", [store.directory])
            #expect(error?.code == .diskFull)
            #expect(error?.message.contains("No space left on device") == true)
            #expect(left.0 == 0 && !left.1)
        }
    }

    @Test func `a folder that cannot be made is an error that names it`() async throws {
        try await withFolder { folder in
            try writeFile(folder + "/file", [])
            let error = await thrown(ContentStoreError.self) { _ = try ContentStore(directory: folder + "/file/store") }
            #expect(error?.code == .storageFailed && error?.message.contains("/file/store") == true)
        }
    }
}
