// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Reads JSON text (RFC 8259) within limits: nothing that a peer sends can trap it or exhaust the stack.
struct JSONParser {
    private let bytes: [UInt8]
    private var position = 0
    private let maximumDepth: Int

    init(_ bytes: [UInt8], maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
    }

    mutating func parseDocument() throws(JSONError) -> JSONValue {
        let value = try self.parseValue(depth: 0)
        self.skipSpace()
        guard self.position == self.bytes.count else { throw self.error("the end of the text") }
        return value
    }

    private func error(_ expected: String) -> JSONError {
        JSONError(offset: self.position, expected: expected)
    }

    private var current: UInt8? {
        self.position < self.bytes.count ? self.bytes[self.position] : nil
    }

    private mutating func skipSpace() {
        while let byte = self.current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { self.position += 1 }
    }

    private mutating func accept(_ character: Unicode.Scalar) -> Bool {
        guard self.current == UInt8(ascii: character) else { return false }
        self.position += 1
        return true
    }

    private mutating func parseValue(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= self.maximumDepth else { throw self.error("at most \(self.maximumDepth) nested levels") }
        self.skipSpace()
        switch self.current {
        case UInt8(ascii: "{"): return try self.parseObject(depth: depth)
        case UInt8(ascii: "["): return try self.parseArray(depth: depth)
        case UInt8(ascii: "\""): return .string(try self.parseString())
        case UInt8(ascii: "t"): return try self.parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try self.parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try self.parseWord("null", .null)
        default: return try self.parseNumber()
        }
    }

    private mutating func parseWord(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard self.bytes[self.position...].starts(with: word.utf8) else { throw self.error("'\(word)'") }
        self.position += word.utf8.count
        return value
    }

    private mutating func parseObject(depth: Int) throws(JSONError) -> JSONValue {
        self.position += 1
        var members: [(String, JSONValue)] = []
        self.skipSpace()
        if self.accept("}") { return .object(JSONObject()) }
        repeat {
            self.skipSpace()
            guard self.current == UInt8(ascii: "\"") else { throw self.error("a key in quotation marks") }
            let key = try self.parseString()
            self.skipSpace()
            guard self.accept(":") else { throw self.error("':'") }
            members.append((key, try self.parseValue(depth: depth + 1)))
            self.skipSpace()
        } while self.accept(",")
        guard self.accept("}") else { throw self.error("',' or '}'") }
        return .object(JSONObject(members))
    }

    private mutating func parseArray(depth: Int) throws(JSONError) -> JSONValue {
        self.position += 1
        var values: [JSONValue] = []
        self.skipSpace()
        if self.accept("]") { return .array([]) }
        repeat {
            values.append(try self.parseValue(depth: depth + 1))
            self.skipSpace()
        } while self.accept(",")
        guard self.accept("]") else { throw self.error("',' or ']'") }
        return .array(values)
    }

    private mutating func parseNumber() throws(JSONError) -> JSONValue {
        let start = self.position
        var isInteger = true
        while let byte = self.current {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): break
            case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): isInteger = false
            default:
                return try self.number(from: start, isInteger: isInteger)
            }
            self.position += 1
        }
        return try self.number(from: start, isInteger: isInteger)
    }

    private func number(from start: Int, isInteger: Bool) throws(JSONError) -> JSONValue {
        let text = String(decoding: self.bytes[start..<self.position], as: UTF8.self)
        let digits = text.utf8.drop { $0 == UInt8(ascii: "-") }
        guard let first = digits.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first), text.utf8.count - digits.count <= 1,
            first != UInt8(ascii: "0") || digits.count == 1 || !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digits.dropFirst().first ?? 0)
        else { throw JSONError(offset: start, expected: "a value") }
        if isInteger, let value = Int(text) { return .int(value) }
        guard let value = Double(text), value.isFinite else { throw JSONError(offset: start, expected: "a value") }
        return .double(value)
    }

    private mutating func parseString() throws(JSONError) -> String {
        self.position += 1
        var text: [UInt8] = []
        while let byte = self.current {
            self.position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw self.error("UTF-8 text") }
                return string
            case UInt8(ascii: "\\"): try self.parseEscape(into: &text)
            case 0x00..<0x20: throw self.error("no control character in a string")
            default: text.append(byte)
            }
        }
        throw self.error("the closing quotation mark")
    }

    private mutating func parseEscape(into text: inout [UInt8]) throws(JSONError) {
        guard let byte = self.current else { throw self.error("an escape") }
        self.position += 1
        switch byte {
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "u"):
            var code = try self.parseHexadecimal()
            if (0xD800..<0xDC00).contains(code), self.accept("\\"), self.accept("u") {
                let low = try self.parseHexadecimal()
                guard (0xDC00..<0xE000).contains(low) else { throw self.error("the second half of a surrogate pair") }
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
            }
            // No text column and no C string keeps a NUL: one in a machine's report must not lose the whole report.
            guard let scalar = Unicode.Scalar(code == 0 ? 0xFFFD : code) else { throw self.error("a Unicode scalar") }
            text += String(Character(scalar)).utf8
        default: throw self.error("an escape that JSON knows")
        }
    }

    private mutating func parseHexadecimal() throws(JSONError) -> UInt32 {
        let end = self.position + 4
        guard end <= self.bytes.count else { throw self.error("four hexadecimal digits") }
        let digits = self.bytes[self.position..<end]
        guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw self.error("four hexadecimal digits") }
        self.position = end
        return code
    }
}
