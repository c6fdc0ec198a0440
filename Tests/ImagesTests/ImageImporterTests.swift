// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import HTTPClient
import Logging
import Synchronization
import Testing

@testable import Images

/// Streams are made by the same program that publishes our real images (`tools/image/publish.py`), from small files.
@Suite
struct ImageImporterTests {
    private let client = HTTPClient()

    private var importer: ImageImporter {
        ImageImporter(client: self.client, logger: Logger(label: "test"), attempts: 4, pause: .milliseconds(5))
    }

    private func publish(_ folder: String) async throws {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        try await tool("python3", ["-B", root + "/tools/image/publish.py", folder + "/work", folder + "/stream", "slim"])
    }

    private func withStream(_ body: (String, ImageSource) async throws -> Void) async throws {
        try await withFolder { folder in
            let work = folder + "/work"
            try await tool(
                "mkdir",
                [
                    "-p", work + "/ephemeral", work + "/target", work + "/bootloaders/uefi/grub/x86_64-efi", work + "/bootloaders/pxe",
                    work + "/bootloaders/ipxe",
                ])
            for (index, name) in [
                "ephemeral/boot-kernel", "ephemeral/boot-initrd", "ephemeral/squashfs", "target/root.tar.zst", "bootloaders/uefi/bootx64.efi",
                "bootloaders/uefi/grub/x86_64-efi/http.mod", "bootloaders/pxe/lpxelinux.0", "bootloaders/ipxe/undionly.kpxe",
            ].enumerated() {
                try writeFile("\(work)/\(name)", noise(200_000 + index, seed: UInt64(index)))
            }
            for name in ["ephemeral", "target"] { try writeFile("\(work)/\(name)/kernel-version", Array("6.1.0-test".utf8)) }
            try writeFile(work + "/target/unpacked-bytes", Array("12345".utf8))
            try await self.publish(folder)
            try await body(folder, ImageSource(location: folder + "/stream", verification: .keyring(path: folder + "/stream/keyring.gpg")))
        }
    }

    @Test func `a published stream is imported whole, verified, and only once`() async throws {
        try await self.withStream { folder, source in
            let store = try ContentStore(directory: folder + "/store")
            let last = Mutex<ImageImportProgress?>(nil)
            let assets = try await self.importer.run(source, into: store) { progress in last.withLock { $0 = progress } }
            #expect(assets.count == 8)
            #expect(assets.allSatisfy { store.contains($0.digest, size: $0.size) })
            #expect(last.withLock { $0?.filesDone == 8 && $0?.bytesDone == $0?.bytesTotal && $0?.filesTotal == 8 })
            let kernel = try #require(assets.first { $0.kind == .bootKernel })
            #expect(kernel.osystem == "debian" && kernel.release == "bookworm" && kernel.architecture == "amd64" && kernel.label == "stable")
            #expect(
                kernel.subarchitectures == ["generic", "ga-12"] && kernel.kernelFlavor == "generic"
                    && kernel.attributes["kernel-version"] == "6.1.0-test")
            #expect(try readFile(store.path(of: kernel.digest)) == noise(200_000, seed: 0))
            let boot = try #require(kernel.bootAsset(complete: true))
            #expect(boot.kind == .bootKernel && boot.subarchitecture == "generic" && boot.sizeBytes == 200_000)
            let root = try #require(assets.first { $0.kind == .rootTarball(format: "tar.zst") })
            #expect(root.bootAsset(complete: false)?.kind == .rootTarball)
            #expect(assets.contains { $0.kind == .bootloader("grub/x86_64-efi/http.mod") && $0.osystem == "grub-efi-signed" })

            try await tool("sh", ["-c", "rm -r '\(folder)'/stream/debian '\(folder)'/stream/bootloaders"])
            #expect(try await self.importer.run(source, into: store).count == 8)
        }
    }

    @Test func `publishing again changes nothing unless a file changed, and the older version stays for a while`() async throws {
        try await self.withStream { folder, source in
            let reader = ImageStreamReader(client: self.client)
            let first = try await reader.assets(of: source)
            try await self.publish(folder)
            #expect(try await reader.assets(of: source) == first)
            try writeFile(folder + "/work/ephemeral/boot-initrd", noise(5000, seed: 77))
            try await tool("sleep", ["1"])  // versions are named by the second
            try await self.publish(folder)
            let second = try await reader.assets(of: source)
            #expect(second.first { $0.kind == .bootInitrd }?.size == 5000)
            #expect(second.filter { $0.osystem == "pxelinux" } == first.filter { $0.osystem == "pxelinux" })
            let old = try #require(first.first { $0.kind == .bootInitrd })
            #expect(isFile("\(folder)/stream/\(old.path)"))
        }
    }

    @Test func `a stream is imported over HTTP, and an interrupted file goes on where it was`() async throws {
        try await self.withStream { folder, source in
            try await withWebServer(folder) { url in
                let store = try ContentStore(directory: folder + "/store")
                let remote = ImageSource(location: url + "/cut/70000/stream/streams/v1/index.json", verification: source.verification)
                let assets = try await self.importer.run(remote, into: store)
                #expect(assets.count == 8 && assets.allSatisfy { store.contains($0.digest, size: $0.size) })
                let log = String(decoding: try await self.client.get(url + "/log").body, as: UTF8.self).split(separator: "\n")
                let kernel = log.filter { $0.contains("/boot-kernel ") }
                #expect(kernel.count >= 3, "\(kernel)")
                #expect(kernel.first?.hasSuffix(" -") == true && kernel.dropFirst().allSatisfy { $0.contains("bytes=") })
            }
        }
    }

    @Test func `a server without ranges is asked for the whole file again`() async throws {
        try await self.withStream { folder, source in
            try await withWebServer(folder) { url in
                let store = try ContentStore(directory: folder + "/store")
                let kernel = try #require(try await ImageStreamReader(client: self.client).assets(of: source).first { $0.kind == .bootKernel })
                try writeFile(store.partialPath(of: kernel.digest), Array(noise(200_000, seed: 0)[0..<1000]))
                let remote = ImageSource(location: url + "/norange/stream", verification: source.verification)
                #expect(try await self.importer.run(remote, into: store).count == 8)
            }
        }
    }

    @Test func `selections choose by release and architecture, and boot loaders come along`() async throws {
        try await self.withStream { _, source in
            let reader = ImageStreamReader(client: self.client)
            func names(_ selection: ImageSelection) async throws -> Int { try await reader.assets(of: source, matching: [selection]).count }
            #expect(try await names(ImageSelection(osystem: "debian", release: "bookworm", architectures: ["amd64"])) == 8)
            #expect(try await names(ImageSelection(osystem: "debian", release: "trixie")) == 4)
            #expect(try await names(ImageSelection(architectures: ["arm64"])) == 0)
            #expect(try await names(ImageSelection(architectures: ["i386"])) == 2)
            #expect(try await names(ImageSelection(subarchitectures: ["ga-12"])) == 8)
            #expect(try await names(ImageSelection(labels: ["candidate"])) == 0)
            let store = try ContentStore(directory: source.location + "/../store")
            let error = await thrown(ImageImportError.self) {
                _ = try await self.importer.run(source, selections: [ImageSelection(labels: ["x"])], into: store)
            }
            #expect(error?.code == .nothingSelected)
        }
    }

    @Test func `a file that is not what the stream says is refused and removed`() async throws {
        try await self.withStream { folder, source in
            let kernel = try #require(try await ImageStreamReader(client: self.client).assets(of: source).first { $0.kind == .bootKernel })
            let path = "\(folder)/stream/\(kernel.path)"
            var content = try readFile(path)
            content[5] ^= 0xff
            let store = try ContentStore(directory: folder + "/store")
            for bad in [content, content + [1]] {
                try writeFile(path, bad)
                let error = await thrown(ImageImportError.self) { _ = try await self.importer.run(source, into: store) }
                #expect(error?.code == .wrongContent)
                #expect(error?.message.contains(kernel.path) == true)
                #expect(!store.contains(kernel.digest) && store.partialSize(of: kernel.digest) == 0)
            }
        }
    }

    @Test func `a document must be signed by a key of the keyring`() async throws {
        try await self.withStream { folder, source in
            let reader = ImageStreamReader(client: self.client)
            let index = folder + "/stream/streams/v1/index.sjson"
            let signed = String(decoding: try readFile(index), as: UTF8.self)
            let forgeries = [
                signed.replacing("com.ubuntu.maas", with: "com.ubuntu.mass"),
                signed.replacing("BEGIN PGP SIGNED MESSAGE", with: "BEGIN PGP UNSIGNED"), "{}", "",
                String(signed.prefix(signed.count / 2)),
            ]
            for forgery in forgeries {
                try writeFile(index, Array(forgery.utf8))
                let error = await thrown(ImageImportError.self) { _ = try await reader.assets(of: source) }
                #expect(error?.code == .badSignature)
            }
            // What stands around the signed text is not believed
            try writeFile(index, Array(("{\"format\": \"index:1.0\", \"index\": {}}\n" + signed + "\ntrailing").utf8))
            #expect(try await reader.assets(of: source).count == 8)

            try writeFile(index, Array(signed.utf8))
            let home = folder + "/other-gnupg"
            try await tool(
                "sh",
                [
                    "-c",
                    """
                    mkdir -m 700 '\(home)' && cd '\(home)' && gpg --homedir . --batch --quiet --pinentry-mode loopback --passphrase '' --quick-gen-key stranger ed25519 sign never \
                    && gpg --homedir . --batch --export > ../stranger.gpg; gpgconf --homedir . --kill all
                    """,
                ])
            for keyring in [folder + "/stranger.gpg", folder + "/no-such-keyring.gpg", "keyring.gpg"] {
                let other = ImageSource(location: source.location, verification: .keyring(path: keyring))
                let error = await thrown(ImageImportError.self) { _ = try await reader.assets(of: other) }
                #expect(error?.code == .badSignature, "\(keyring)")
            }
        }
    }

    @Test func `unsigned documents are taken only when that is allowed`() async throws {
        try await self.withStream { folder, source in
            let reader = ImageStreamReader(client: self.client)
            try await tool("sh", ["-c", "rm '\(folder)'/stream/streams/v1/*.sjson '\(folder)'/stream/streams/v1/*.gpg"])
            let error = await thrown(ImageImportError.self) { _ = try await reader.assets(of: source) }
            #expect(error?.code == .unreachable)
            #expect(try await reader.assets(of: ImageSource(location: source.location + "/", verification: .allowUnsigned)).count == 8)
        }
    }

    @Test func `a stream that is no stream, or leads out of its tree, is refused by name`() async throws {
        try await withFolder { folder in
            try await tool("mkdir", ["-p", folder + "/streams/v1"])
            let reader = ImageStreamReader(client: self.client)
            let source = ImageSource(location: folder, verification: .allowUnsigned)
            func refusal(index: String, products: String = "{}") async throws -> String {
                try writeFile(folder + "/streams/v1/index.json", Array(index.utf8))
                try writeFile(folder + "/streams/v1/p.json", Array(products.utf8))
                let error = await thrown(ImageImportError.self) { _ = try await reader.assets(of: source) }
                #expect(error?.code == .badDocument, "\(index) \(products)")
                return error?.message ?? ""
            }
            func index(_ path: String) -> String {
                #"{"format": "index:1.0", "index": {"c": {"format": "products:1.0", "datatype": "image-downloads", "path": "\#(path)"}}}"#
            }
            func products(_ item: String) -> String {
                #"{"format": "products:1.0", "products": {"p": {"versions": {"1": {"items": {"boot-kernel": {"ftype": "boot-kernel", \#(item)}}}}}}}"#
            }
            let digest = String(repeating: "a", count: 64)
            #expect(try await refusal(index: "not json").contains("index.json"))
            #expect(try await refusal(index: "[]").contains("index:1.0"))
            #expect(try await refusal(index: #"{"format": "index:2.0", "index": {}}"#).contains("index:1.0"))
            for path in ["../secret.json", "/etc/passwd", "a/../../b", "", "http://elsewhere/x.json", "a//b"] {
                #expect(try await refusal(index: index(path)).contains("leads out of the tree"))
                #expect(
                    try await refusal(
                        index: index("streams/v1/p.json"), products: products(#""path": "\#(path)", "size": 1, "sha256": "\#(digest)""#)
                    ).contains("below the tree"))
            }
            #expect(try await refusal(index: index("streams/v1/p.json"), products: "{}").contains("products:1.0"))
            #expect(
                try await refusal(index: index("streams/v1/p.json"), products: products(#""path": "a", "size": 1, "sha256": "abc""#)).contains(
                    "64 hexadecimal digits"))
            #expect(
                try await refusal(index: index("streams/v1/p.json"), products: products(#""path": "a", "size": -1, "sha256": "\#(digest)""#))
                    .contains("'size'"))
            #expect(
                try await refusal(index: index("streams/v1/p.json"), products: products(#""path": "a", "sha256": "\#(digest)""#)).contains("'size'"))
        }
    }

    @Test func `a source that does not answer is an error after a bounded number of attempts`() async throws {
        try await withFolder { folder in
            let source = ImageSource(location: "http://127.0.0.1:1/", verification: .allowUnsigned)
            let store = try ContentStore(directory: folder + "/store")
            let error = await thrown(ImageImportError.self) { _ = try await self.importer.run(source, into: store) }
            #expect(error?.code == .unreachable)
        }
        try await self.withStream { folder, source in
            let kernel = try #require(try await ImageStreamReader(client: self.client).assets(of: source).first { $0.kind == .bootKernel })
            try await tool("rm", ["\(folder)/stream/\(kernel.path)"])
            let error = await thrown(ImageImportError.self) {
                _ = try await self.importer.run(source, into: try ContentStore(directory: folder + "/store"))
            }
            #expect(error?.code == .unreachable)
        }
    }

    @Test func `paths are escaped in URLs and the source may be named by its index`() {
        let local = ImageSource(location: "/srv/my images", verification: .allowUnsigned)
        #expect(local.url(of: "a b/c%d.json") == "file:///srv/my%20images/a%20b/c%25d.json")
        for location in ["http://m/s", "http://m/s/", "http://m/s/streams/v1/index.json", "http://m/s/streams/v1/index.sjson"] {
            #expect(ImageSource(location: location, verification: .allowUnsigned).base == "http://m/s/")
        }
    }
}
