// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import JSON

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// A server and the key to it, as `gantry login` keeps them: a file only its owner can read.
public struct Profile: Sendable, Hashable {
    /// The address up to and with `/MAAS`.
    public let url: String
    private let consumerKey: String
    private let tokenKey: String
    private let tokenSecret: String

    /// - Throws: `APIError` naming what is wrong with the address or the key.
    public init(url: String, key: String) throws {
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw APIError(message: "'\(url)' is no address; expected something like http://127.0.0.1:5240/MAAS")
        }
        let parts = key.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts[0].isEmpty, !parts[1].isEmpty, !parts[2].isEmpty else {
            throw APIError(message: "the API key has three parts with colons between: consumer:token:secret")
        }
        var root = url
        while root.hasSuffix("/") { root.removeLast() }
        if root.hasSuffix("/api/2.0") { root.removeLast("/api/2.0".count) }
        self.url = root.hasSuffix("/MAAS") ? root : root + "/MAAS"
        self.consumerKey = parts[0]
        self.tokenKey = parts[1]
        self.tokenSecret = parts[2]
    }

    /// The header of OAuth 1.0 with PLAINTEXT signature; the consumer secret is empty (RFC 5849, section 3.4.4).
    var authorization: String {
        var generator = SystemRandomNumberGenerator()
        let fields = [
            ("oauth_version", "1.0"), ("oauth_signature_method", "PLAINTEXT"), ("oauth_consumer_key", self.consumerKey),
            ("oauth_token", self.tokenKey), ("oauth_signature", "&\(self.tokenSecret)"), ("oauth_timestamp", "\(time(nil))"),
            ("oauth_nonce", String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)),
        ]
        return "OAuth " + fields.map { "\($0.0)=\"\(FormEncoding.escape($0.1))\"" }.joined(separator: ", ")
    }

    /// Where the profile is kept: `$GANTRY_PROFILE`, or below the home directory.
    public static var defaultPath: String {
        let environment = ProcessInfo.processInfo.environment
        return environment["GANTRY_PROFILE"] ?? "\(environment["HOME"] ?? "/root")/.config/gantry/profile.json"
    }

    /// - Throws: `APIError` saying how to log in when there is no profile.
    public static func load(from path: String = Self.defaultPath) throws -> Profile {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw APIError(message: "not logged in. Next: gantry login URL KEY (or gantry up, for a cloud on this machine)")
        }
        guard let value = try? JSONValue(parsing: bytes), let url = value["url"]?.stringValue, let key = value["key"]?.stringValue else {
            throw APIError(message: "\(path) is no profile. Next: gantry login URL KEY")
        }
        return try Profile(url: url, key: key)
    }

    /// Writes the profile for its owner alone.
    public func save(to path: String = Self.defaultPath) throws {
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        try FileManager.default.createDirectory(atPath: "/" + folder, withIntermediateDirectories: true)
        let content: JSONValue = ["url": .string(self.url), "key": .string("\(self.consumerKey):\(self.tokenKey):\(self.tokenSecret)")]
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw APIError(message: "\(path) cannot be written: \(unsafe String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        let bytes = content.bytes + [0x0A]
        guard unsafe bytes.withUnsafeBytes({ unsafe write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
            throw APIError(message: "\(path) could not be written whole")
        }
    }
}
