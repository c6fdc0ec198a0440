// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Makes one form of the many in which loaders write a name.
public enum BootPath {
    /// The longest name that is looked at, in octets.
    public static let maximumLength = 512

    /// The name without leading, trailing and double slashes, without `.` parts, with slashes for backslashes, and without a leading
    /// `boot/`; its case is kept.
    ///
    /// - Returns: nil for a name that is empty or too long, has control characters, or has a part `..`.
    public static func normalised(_ name: String) -> String? {
        guard name.utf8.count <= Self.maximumLength, name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        let slashes = name.utf8.map { $0 == UInt8(ascii: "\\") ? UInt8(ascii: "/") : $0 }
        var parts: [String] = []
        for part in slashes.split(separator: UInt8(ascii: "/")) {
            let text = String(decoding: part, as: UTF8.self)
            if text == ".." { return nil }
            if text != "." { parts.append(text) }
        }
        if parts.count > 1, parts[0] == "boot" { parts.removeFirst() }
        return parts.isEmpty ? nil : parts.joined(separator: "/")
    }

    /// The path of a request's target, percent-decoded, without the query (RFC 3986, section 2.1).
    ///
    /// - Returns: nil when a percent sign is not followed by two hexadecimal digits or the octets are no UTF-8.
    public static func decoded(target: String) -> String? {
        let path = target.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(path.count)
        var iterator = path.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = iterator.next().flatMap(Self.digit), let low = iterator.next().flatMap(Self.digit) else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
