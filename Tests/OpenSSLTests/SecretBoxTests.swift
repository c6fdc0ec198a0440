// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import OpenSSL
import Testing

struct SecretBoxTests {
    let box: SecretBox

    init() throws {
        self.box = try SecretBox(key: SecureRandom.bytes(32))
    }

    @Test(arguments: [0, 1, 15, 16, 17, 1000, 100_000])
    func `what was sealed opens again`(count: Int) throws {
        let secret = SecureRandom.bytes(count)
        let sealed = try self.box.seal(secret, context: "bmc/1/password")
        #expect(sealed.count == count + SecretBox.overhead)
        #expect(try self.box.open(sealed, context: "bmc/1/password") == secret)
    }

    @Test func `sealing twice gives different bytes`() throws {
        #expect(try self.box.seal([1, 2, 3], context: "a") != self.box.seal([1, 2, 3], context: "a"))
    }

    @Test func `texts come back as texts, and other bytes do not`() throws {
        let sealed = try self.box.seal(text: "pässword", context: "a")
        #expect(try self.box.open(text: sealed, context: "a") == "pässword")
        let bytes = try self.box.seal([0xff], context: "a")
        #expect(throws: OpenSSLError(.malformed, "")) { try self.box.open(text: bytes, context: "a") }
    }

    @Test func `another context or another key does not open it`() throws {
        let sealed = try self.box.seal([1, 2, 3], context: "bmc/1/password")
        #expect(throws: OpenSSLError(.authenticationFailed, "")) { try self.box.open(sealed, context: "bmc/2/password") }
        let other = try SecretBox(key: SecureRandom.bytes(32))
        #expect(throws: OpenSSLError(.authenticationFailed, "")) { try other.open(sealed, context: "bmc/1/password") }
    }

    @Test func `a change in any bit is noticed`() throws {
        let sealed = try self.box.seal(Array("a password".utf8), context: "a")
        for index in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[index] ^= 1 << bit
                #expect(throws: OpenSSLError(index == 0 ? .malformed : .authenticationFailed, "")) {
                    try self.box.open(changed, context: "a")
                }
            }
        }
    }

    @Test func `a cut at any length is noticed, and so is a longer text`() throws {
        let sealed = try self.box.seal(Array("a password".utf8), context: "a")
        for count in 0..<sealed.count {
            #expect(throws: OpenSSLError(count < SecretBox.overhead ? .malformed : .authenticationFailed, "")) {
                try self.box.open(Array(sealed.prefix(count)), context: "a")
            }
        }
        #expect(throws: OpenSSLError(.authenticationFailed, "")) { try self.box.open(sealed + [0], context: "a") }
    }

    @Test(arguments: [0, 16, 31, 33, 64])
    func `a key of another length is refused`(count: Int) {
        #expect(throws: OpenSSLError(.invalidKey, "")) { try SecretBox(key: [UInt8](repeating: 0, count: count)) }
    }

    @Test func `the key outlives the caller's and the caller's outlives the box`() throws {
        let key = [UInt8](repeating: 7, count: 32)
        let sealed = try SecretBox(key: key).seal([1], context: "a")
        #expect(key == [UInt8](repeating: 7, count: 32), "the wiped memory is the box's own")
        #expect(try SecretBox(key: key).open(sealed, context: "a") == [1])
    }

    @Test func `neither a box nor its dump tells the key`() {
        var dumped = ""
        dump(self.box, to: &dumped)
        #expect("\(self.box)" == "SecretBox")
        #expect(dumped.split(separator: "\n").count == 1)
    }
}

struct SecretKeyFileTests {
    /// A folder of its own for each test.
    private static func withFolder(_ body: (String) throws -> Void) rethrows {
        let folder = "/tmp/gantry-openssl-\(SecureRandom.token(length: 12))"
        _ = unsafe mkdir(folder, 0o700)
        defer {
            _ = unsafe unlink("\(folder)/key")
            _ = unsafe unlink("\(folder)/target")
            #expect(unsafe rmdir(folder) == 0, "no temporary file is left")
        }
        try body(folder)
    }

    private static func write(_ text: String, to path: String, mode: mode_t) {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
        _ = unsafe Glibc.write(descriptor, text, text.utf8.count)
        _ = fchmod(descriptor, mode)
        close(descriptor)
    }

    @Test func `the key is made once, for its owner only, and found again`() throws {
        try Self.withFolder { folder in
            let first = try SecretKeyFile.loadOrCreate(path: "\(folder)/key")
            let second = try SecretKeyFile.loadOrCreate(path: "\(folder)/key")
            #expect(try second.open(first.seal([1, 2], context: "a"), context: "a") == [1, 2])
            var status = stat()
            #expect(unsafe stat("\(folder)/key", &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
            #expect(status.st_size == 65)
        }
    }

    @Test(arguments: [0o640, 0o604, 0o620, 0o666] as [mode_t])
    func `a key that others can reach is refused`(mode: mode_t) {
        Self.withFolder { folder in
            Self.write(String(repeating: "ab", count: 32), to: "\(folder)/key", mode: mode)
            #expect(throws: OpenSSLError(.insecureFile, "")) { try SecretKeyFile.loadOrCreate(path: "\(folder)/key") }
        }
    }

    @Test(arguments: ["", "\n", "abc", String(repeating: "ab", count: 31), String(repeating: "ab", count: 33), String(repeating: "xy", count: 32)])
    func `a file that holds no key is refused and kept`(content: String) {
        Self.withFolder { folder in
            Self.write(content, to: "\(folder)/key", mode: 0o600)
            #expect(throws: OpenSSLError(.invalidKey, "")) { try SecretKeyFile.loadOrCreate(path: "\(folder)/key") }
            var status = stat()
            #expect(unsafe stat("\(folder)/key", &status) == 0 && status.st_size == content.utf8.count)
        }
    }

    @Test func `a link and a folder are refused, and a missing folder is an error`() {
        Self.withFolder { folder in
            Self.write(String(repeating: "ab", count: 32), to: "\(folder)/target", mode: 0o600)
            _ = unsafe symlink("\(folder)/target", "\(folder)/key")
            #expect(throws: OpenSSLError(.insecureFile, "")) { try SecretKeyFile.loadOrCreate(path: "\(folder)/key") }
            #expect(throws: OpenSSLError(.insecureFile, "")) { try SecretKeyFile.loadOrCreate(path: folder) }
            #expect(throws: OpenSSLError(.fileFailure, "")) { try SecretKeyFile.loadOrCreate(path: "\(folder)/none/key") }
        }
    }

    @Test func `of many who create it at once all get the same key`() async throws {
        let folder = "/tmp/gantry-openssl-\(SecureRandom.token(length: 12))"
        _ = unsafe mkdir(folder, 0o700)
        defer {
            _ = unsafe unlink("\(folder)/key")
            #expect(unsafe rmdir(folder) == 0, "no temporary file is left")
        }
        let boxes = try await withThrowingTaskGroup(of: SecretBox.self, returning: [SecretBox].self) { group in
            for _ in 0..<16 { group.addTask { try SecretKeyFile.loadOrCreate(path: "\(folder)/key") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let sealed = try boxes[0].seal([9], context: "a")
        for box in boxes { #expect(try box.open(sealed, context: "a") == [9]) }
    }
}
