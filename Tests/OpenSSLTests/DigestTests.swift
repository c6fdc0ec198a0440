// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Testing

struct DigestTests {
    /// FIPS 180-4 examples.
    static let vectors: [(text: String, digest: String)] = [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ]

    @Test(arguments: vectors)
    func `digests are those of the standard`(text: String, digest: String) {
        #expect(SHA256.hexDigest(of: text.utf8) == digest)
    }

    @Test func `it does not matter in which pieces the data comes`() {
        let data = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        let whole = SHA256.digest(of: data)
        for size in [1, 7, 63, 64, 65, 999] {
            var hash = SHA256()
            for start in stride(from: 0, to: data.count, by: size) {
                hash.update(data[start..<min(start + size, data.count)])
            }
            #expect(hash.finalize() == whole)
        }
    }

    @Test func `a million letters a have the digest of the standard`() {
        var hash = SHA256()
        let block = [UInt8](repeating: 0x61, count: 1000)
        for _ in 0..<1000 { unsafe block.withUnsafeBytes { unsafe hash.update($0) } }
        #expect(hash.finalizeHex() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
        #expect(hash.finalizeHex() == Self.vectors[0].digest, "finalizing starts anew")
    }

    @Test func `a copy goes its own way`() {
        var first = SHA256()
        first.update("ab".utf8)
        var second = first
        first.update("c".utf8)
        second.update("x".utf8)
        #expect(first.finalizeHex() == Self.vectors[1].digest)
        #expect(second.finalize() == SHA256.digest(of: "abx".utf8))
    }

    /// RFC 2202 section 3 (SHA-1) and RFC 4231 section 4 (SHA-256).
    @Test func `message codes are those of the RFCs`() {
        let jefe = Array("Jefe".utf8)
        let what = Array("what do ya want for nothing?".utf8)
        #expect(Hexadecimal.encode(HMAC.sha1(what, key: jefe)) == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
        #expect(
            Hexadecimal.encode(HMAC.sha256(what, key: jefe)) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        let longKey = [UInt8](repeating: 0xaa, count: 131)
        let text = Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)
        #expect(
            Hexadecimal.encode(HMAC.sha256(text, key: longKey)) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test func `an empty key is a key`() {
        let expected = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
        #expect(Hexadecimal.encode(HMAC.sha256([], key: [])) == expected)
        _ = HMAC.sha256([1], key: [2])
        #expect(Hexadecimal.encode(HMAC.sha256([], key: [])) == expected, "not the key of the call before")
    }

    @Test func `hexadecimal digits are read and written, and nothing else is read`() {
        #expect(Hexadecimal.encode([0x00, 0x9f, 0xff] as [UInt8]) == "009fff")
        #expect(Hexadecimal.decode("009fFF") == [0x00, 0x9f, 0xff])
        #expect(Hexadecimal.decode("") == [])
        for text in ["0", "0g", "+1", " 1", "é", "0x12"] { #expect(Hexadecimal.decode(text) == nil) }
    }

    @Test func `tokens have the length asked for and only letters and digits`() {
        var seen: Set<String> = []
        for length in [0, 1, 22, 64, 500] {
            let token = SecureRandom.token(length: length)
            #expect(token.utf8.count == length)
            #expect(token.unicodeScalars.allSatisfy { $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil) })
        }
        for _ in 0..<1000 { seen.insert(SecureRandom.token(length: 22)) }
        #expect(seen.count == 1000)
        #expect(SecureRandom.bytes(0).isEmpty)
        #expect(SecureRandom.bytes(32) != SecureRandom.bytes(32))
    }

    @Test func `equality in constant time is equality`() {
        #expect(ConstantTime.areEqual("", ""))
        #expect(ConstantTime.areEqual("secret", "secret"))
        #expect(!ConstantTime.areEqual("secret", "secreT"))
        #expect(!ConstantTime.areEqual("secret", "secre"))
        #expect(!ConstantTime.areEqual([1], []))
    }
}
