// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OpenSSL

struct PasswordHashTests {
    /// RFC 7914 section 12.
    @Test func `derived keys are those of the RFC`() throws {
        func derive(_ password: String, _ salt: String, logN: Int, r: Int, p: Int) throws -> String {
            Hexadecimal.encode(
                try PasswordHash.derive(
                    Array(password.utf8), salt: Array(salt.utf8), parameters: .init(logN: logN, r: r, p: p), byteCount: 64))
        }
        #expect(
            try derive("", "", logN: 4, r: 1, p: 1)
                == "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
                + "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906")
        #expect(
            try derive("password", "NaCl", logN: 10, r: 8, p: 16)
                == "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
                + "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640")
        #expect(
            try derive("pleaseletmein", "SodiumChloride", logN: 14, r: 8, p: 1)
                == "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                + "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887")
    }

    @Test func `a password matches its own hash only`() throws {
        let stored = try PasswordHash.make("correct horse")
        #expect(stored.hasPrefix("$scrypt$ln=15,r=8,p=1$"))
        #expect(try PasswordHash.make("correct horse") != stored, "each hash has its own salt")
        #expect(PasswordHash.verify("correct horse", against: stored))
        #expect(!PasswordHash.verify("correct horsf", against: stored))
        #expect(!PasswordHash.verify("", against: stored))
    }

    @Test func `the empty password is a password`() throws {
        let stored = try PasswordHash.make("")
        #expect(PasswordHash.verify("", against: stored))
        #expect(!PasswordHash.verify(" ", against: stored))
    }

    @Test(arguments: [
        "", "secret", "$", "$scrypt$", "$scrypt$ln=15,r=8,p=1$$", "$bcrypt$ln=4,r=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=0,r=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=-4,r=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=4,r=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$r=1,ln=4,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=4,r=1,p=1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=4,r=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA", "$scrypt$ln=4,r=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$****",
        "$scrypt$ln=4,r=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA$",
    ])
    func `an unknown form matches nothing`(stored: String) {
        #expect(PasswordHash.parse(stored) == nil)
        #expect(!PasswordHash.verify("", against: stored))
    }

    @Test(arguments: ["ln=63,r=8,p=1", "ln=20,r=32,p=1", "ln=19,r=8,p=1", "ln=15,r=8,p=99999999999999999999", "ln=15,r=0,p=1"])
    func `a text cannot make us pay more than we want to`(settings: String) {
        #expect(PasswordHash.parse("$scrypt$\(settings)$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA") == nil)
    }
}
