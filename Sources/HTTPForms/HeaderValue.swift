// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A header value with parameters, such as `multipart/form-data; boundary="=="` (RFC 9110, section 5.6.6).
public struct HeaderValue: Sendable, Hashable {
    /// What stands before the first semicolon, in lower case.
    public var value: String
    /// By name in lower case.
    public var parameters: [String: String]

    /// Reads leniently: what is no parameter is skipped, quotation marks may be missing.
    public init(parsing text: String) {
        var scanner = Scanner(text)
        self.value = scanner.token(until: UInt8(ascii: ";")).lowercased()
        self.parameters = [:]
        while scanner.skip(UInt8(ascii: ";")) {
            let name = scanner.token(until: UInt8(ascii: "=")).lowercased()
            guard scanner.skip(UInt8(ascii: "=")) else { continue }
            let value = scanner.quotedOrToken()
            if name.hasSuffix("*") {
                // RFC 8187: charset'language'percent-encoded
                let parts = value.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
                if parts.count == 3 { self.parameters[String(name.dropLast())] = PercentCoding.decode(String(parts[2])) }
            } else if self.parameters[name] == nil {
                self.parameters[name] = value
            }
        }
    }

    private struct Scanner {
        let bytes: [UInt8]
        var position = 0

        init(_ text: String) {
            self.bytes = Array(text.utf8)
        }

        mutating func skip(_ byte: UInt8) -> Bool {
            guard self.position < self.bytes.count, self.bytes[self.position] == byte else { return false }
            self.position += 1
            return true
        }

        /// Text up to a stop or a semicolon, without the blanks around it.
        mutating func token(until stop: UInt8) -> String {
            let start = self.position
            while self.position < self.bytes.count, self.bytes[self.position] != stop, self.bytes[self.position] != UInt8(ascii: ";") {
                self.position += 1
            }
            let text = self.bytes[start..<self.position]
            let trimmed = text.drop { $0 == 0x20 || $0 == 0x09 }.reversed().drop { $0 == 0x20 || $0 == 0x09 }.reversed()
            return String(decoding: Array(trimmed), as: UTF8.self)
        }

        mutating func quotedOrToken() -> String {
            while self.skip(0x20) || self.skip(0x09) {}
            guard self.skip(UInt8(ascii: "\"")) else { return self.token(until: UInt8(ascii: ";")) }
            var text: [UInt8] = []
            while self.position < self.bytes.count, !self.skip(UInt8(ascii: "\"")) {
                if self.bytes[self.position] == UInt8(ascii: "\\"), self.position + 1 < self.bytes.count { self.position += 1 }
                text.append(self.bytes[self.position])
                self.position += 1
            }
            _ = self.token(until: UInt8(ascii: ";"))
            return String(decoding: text, as: UTF8.self)
        }
    }
}
