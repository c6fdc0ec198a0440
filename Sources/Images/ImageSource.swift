// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Where images come from: a simplestreams tree.
public struct ImageSource: Sendable, Hashable {
    public enum Verification: Sendable, Hashable {
        /// Every document must be signed by a key of this (binary) GnuPG keyring; an absolute path.
        case keyring(path: String)
        /// Documents are taken as they are. The files are still checked against their digests.
        case allowUnsigned
    }

    /// A folder's absolute path, or an http or https URL of the tree (with or without `streams/v1/index.json`).
    public var location: String
    public var verification: Verification

    public init(location: String, verification: Verification) {
        self.location = location
        self.verification = verification
    }

    /// The URL of the tree's root, with a slash at its end.
    var base: String {
        var text = Substring(self.location)
        for ending in ["streams/v1/index.json", "streams/v1/index.sjson"] where text.hasSuffix(ending) { text = text.dropLast(ending.count) }
        let root = text.hasSuffix("/") ? String(text) : text + "/"
        return root.hasPrefix("/") ? "file://" + Self.escaped(root) : root
    }

    /// The URL of a file of the tree.
    func url(of path: String) -> String { self.base + Self.escaped(path) }

    /// Percent-encoding of a path (RFC 3986, section 3.3).
    private static func escaped(_ path: String) -> String {
        var text = ""
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "+"),
                UInt8(ascii: "="), UInt8(ascii: ","), UInt8(ascii: "@"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return text
    }

    /// A path of a document or file is inside the tree: relative, without `..`.
    static func isSafe(_ path: String) -> Bool {
        guard !path.isEmpty, path.utf8.count <= 1024, !path.hasPrefix("/"), !path.contains("\\") else { return false }
        guard !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }), !path.contains("://") else { return false }
        return !path.split(separator: "/", omittingEmptySubsequences: false).contains { $0 == ".." || $0 == "." || $0.isEmpty }
    }
}
