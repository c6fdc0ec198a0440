// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import FoundationEssentials

/// Passwords as they are stored: scrypt (RFC 7914) with its parameters in the text.
///
/// The form is `$scrypt$ln=15,r=8,p=1$SALT$HASH`, with salt and hash in base 64 without padding. Each call takes about 50 ms of one
/// processor and 32 MiB; callers bound how many run at once.
public enum PasswordHash {
    /// The cost of one hash: `2^logN` blocks of `128 * r` bytes, `p` times.
    struct Parameters: Equatable {
        var logN: Int
        var r: Int
        var p: Int

        /// About 50 ms and 32 MiB.
        static let current = Parameters(logN: 15, r: 8, p: 1)
        /// Memory that a stored text may make us use: no text from the database may take more.
        static let maximumMemory: UInt64 = 256 << 20

        var isAcceptable: Bool {
            guard (1...20).contains(self.logN), (1...32).contains(self.r), (1...16).contains(self.p) else { return false }
            return self.memory <= Self.maximumMemory
        }

        var memory: UInt64 { 128 * UInt64(self.r) * ((1 << UInt64(self.logN)) + UInt64(self.p)) }
    }

    private static let saltByteCount = 16
    private static let hashByteCount = 32

    /// The text to store for a password.
    ///
    /// - Throws: ``OpenSSLError`` `openSSLFailure` when there is no memory.
    public static func make(_ password: String) throws -> String {
        let parameters = Parameters.current
        let salt = SecureRandom.bytes(Self.saltByteCount)
        let hash = try Self.derive(Array(password.utf8), salt: salt, parameters: parameters, byteCount: Self.hashByteCount)
        let settings = "ln=\(parameters.logN),r=\(parameters.r),p=\(parameters.p)"
        return "$scrypt$\(settings)$\(Self.base64(salt))$\(Self.base64(hash))"
    }

    /// Whether the password is the one that the stored text was made from. A text of an unknown form, or one whose parameters would cost
    /// more than this process is willing to pay, matches no password.
    public static func verify(_ password: String, against stored: String) -> Bool {
        guard let (parameters, salt, expected) = Self.parse(stored) else { return false }
        guard let hash = try? Self.derive(Array(password.utf8), salt: salt, parameters: parameters, byteCount: expected.count) else {
            return false  // out of memory: refusing is the safe answer
        }
        return ConstantTime.areEqual(hash, expected)
    }

    static func parse(_ stored: String) -> (parameters: Parameters, salt: [UInt8], hash: [UInt8])? {
        guard stored.utf8.count <= 512 else { return nil }
        let parts = stored.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt" else { return nil }
        let settings = parts[2].split(separator: ",", omittingEmptySubsequences: false)
        guard settings.count == 3,
            let logN = Self.number(settings[0], after: "ln="),
            let r = Self.number(settings[1], after: "r="),
            let p = Self.number(settings[2], after: "p=")
        else { return nil }
        let parameters = Parameters(logN: logN, r: r, p: p)
        guard parameters.isAcceptable, let salt = Self.bytes(base64: parts[3]), let hash = Self.bytes(base64: parts[4]),
            (8...64).contains(salt.count), (16...64).contains(hash.count)
        else { return nil }
        return (parameters, salt, hash)
    }

    static func derive(_ password: [UInt8], salt: [UInt8], parameters: Parameters, byteCount: Int) throws -> [UInt8] {
        let secret = SecretBytes(password)
        return try unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            let result = unsafe secret.withUnsafeBytes { bytes in
                unsafe bytes?.withMemoryRebound(to: CChar.self, capacity: password.count) { text in
                    unsafe EVP_PBE_scrypt(
                        text, password.count, salt, salt.count, 1 << UInt64(parameters.logN), UInt64(parameters.r), UInt64(parameters.p),
                        Parameters.maximumMemory + (1 << 20), buffer.baseAddress, byteCount)
                }
            }
            guard result == 1 else { throw OpenSSLError.fromQueue(.openSSLFailure, "EVP_PBE_scrypt") }
            count = byteCount
        }
    }

    private static func number(_ text: Substring, after name: String) -> Int? {
        guard text.hasPrefix(name) else { return nil }
        let digits = text.dropFirst(name.count)
        guard (1...4).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(digits)
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        var text = Data(bytes).base64EncodedString()
        while text.last == "=" { text.removeLast() }
        return text
    }

    private static func bytes(base64 text: Substring) -> [UInt8]? {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        guard !text.contains("="), let data = Data(base64Encoded: String(text) + padding) else { return nil }
        return Array(data)
    }
}
