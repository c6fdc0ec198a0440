// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why a cell is not a value of the type asked for.
public struct PostgresDecodingFailure: Error, Equatable {
    /// In words, without the column's name.
    public let reason: String

    /// A failure with its reason.
    public init(_ reason: String) {
        self.reason = reason
    }
}

/// A value that can be read from a row. Enums whose raw value is decodable need only to declare the conformance.
public protocol PostgresDecodable {
    /// Reads the cell's text form.
    static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> Self
}

extension PostgresCell {
    /// The text form, or a failure when the cell is NULL.
    func nonNull() throws(PostgresDecodingFailure) -> ArraySlice<UInt8> {
        guard let bytes = self.bytes else { throw PostgresDecodingFailure("is NULL") }
        return bytes
    }

    /// The text form as a string. The server promises UTF-8, as `client_encoding` asks.
    func string() throws(PostgresDecodingFailure) -> String {
        let bytes = try self.nonNull()
        guard let text = String(validating: bytes, as: UTF8.self) else { throw PostgresDecodingFailure("is not UTF-8") }
        return text
    }

    fileprivate func number<T>(_ parse: (String) -> T?) throws(PostgresDecodingFailure) -> T {
        let text = try self.string()
        guard let value = parse(text) else { throw PostgresDecodingFailure("is \(text.prefix(40).debugDescription)") }
        return value
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    /// `nil` for NULL.
    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> Wrapped? {
        guard cell.bytes != nil else { return nil }
        return try Wrapped.decode(cell)
    }
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    /// The value with the cell's raw value.
    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> Self {
        let rawValue = try RawValue.decode(cell)
        guard let value = Self(rawValue: rawValue) else {
            throw PostgresDecodingFailure("is \(String(describing: rawValue).prefix(40).debugDescription)")
        }
        return value
    }
}

extension Bool: PostgresDecodable {
    /// `t` or `f`.
    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> Bool {
        try cell.number { $0 == "t" ? true : $0 == "f" ? false : nil }
    }
}

extension Int: PostgresDecodable {
    /// Any integer type, or a `numeric` without fraction, that fits.
    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> Int {
        try cell.number { Int($0) }
    }
}

extension Int32: PostgresDecodable {
    /// Any integer type, or a `numeric` without fraction, that fits.
    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> Int32 {
        try cell.number { Int32($0) }
    }
}

extension UInt8: PostgresDecodable {
    /// Any integer type that fits.
    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> UInt8 {
        try cell.number { UInt8($0) }
    }
}

extension Double: PostgresDecodable {
    /// Any number; `NaN` and `Infinity` too.
    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> Double {
        try cell.number { Double($0) }
    }
}

extension String: PostgresDecodable {
    /// The text form of any type.
    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> String {
        try cell.string()
    }
}

extension PostgresJSON: PostgresDecodable {
    /// JSON text from `jsonb`, `json` or text.
    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> PostgresJSON {
        PostgresJSON(try cell.string())
    }
}

extension PostgresUntyped: PostgresDecodable {
    /// The text form of any type.
    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> PostgresUntyped {
        PostgresUntyped(try cell.string())
    }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    /// A one-dimensional array without NULLs, or for bytes a `bytea`.
    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> [Element] {
        try Element.decodeArray(cell)
    }
}

extension UInt8 {
    /// The value of each hexadecimal digit by its ASCII code; 255 for what is none. Millions of digits are read through it.
    private static let digit: [UInt8] = (0...255).map { code in
        switch UInt8(code) {
        case 48...57: UInt8(code) - 48
        case 97...102: UInt8(code) - 87
        default: 255
        }
    }

    /// `\x` and two hexadecimal digits a byte.
    public static func decodeArray(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> [UInt8] {
        let text = try cell.nonNull()
        guard text.starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "x")]), text.count.isMultiple(of: 2) else {
            throw PostgresDecodingFailure("is not in bytea's hex form")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2 - 1)
        var index = text.startIndex + 2
        while index < text.endIndex {
            // The count is even, so the second digit is there.
            let high = Self.digit[Int(text[index])]
            let low = Self.digit[Int(text[index + 1])]
            guard (high | low) < 16 else { throw PostgresDecodingFailure("has something else than hex digits in a bytea") }
            bytes.append(high << 4 | low)
            index += 2
        }
        return bytes
    }
}

extension PostgresArrayElement {
    /// The text form of arrays: `{1,2}`, `{"a b",c}` (PostgreSQL manual, 8.15.6).
    public static func decodeArray(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> [Self] {
        var elements: [Self] = []
        for text in try parseArray(try cell.nonNull()) {
            elements.append(try Self.decode(PostgresCell(type: Self.postgresType, bytes: text)))
        }
        return elements
    }
}

/// The elements of a one-dimensional array in text form; `nil` for NULL.
func parseArray(_ text: ArraySlice<UInt8>) throws(PostgresDecodingFailure) -> [ArraySlice<UInt8>?] {
    let (open, close, comma) = (UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: ","))
    let (quote, backslash) = (UInt8(ascii: "\""), UInt8(ascii: "\\"))
    guard text.first == open, text.last == close, text.count >= 2 else {
        throw PostgresDecodingFailure("is not a one-dimensional array")
    }
    let body = text.dropFirst().dropLast()
    guard !body.isEmpty else { return [] }
    var elements: [ArraySlice<UInt8>?] = []
    var element: [UInt8] = []
    var isInQuotes = false
    var wasQuoted = false
    var isEscaped = false
    func finished() -> ArraySlice<UInt8>? {
        !wasQuoted && element == Array("NULL".utf8) ? nil : element[...]
    }
    for character in body {
        if isEscaped {
            element.append(character)
            isEscaped = false
        } else if character == backslash {
            isEscaped = true
        } else if character == quote {
            isInQuotes.toggle()
            wasQuoted = true
        } else if isInQuotes {
            element.append(character)
        } else if character == comma {
            elements.append(finished())
            element = []
            wasQuoted = false
        } else if character == open || character == close {
            throw PostgresDecodingFailure("is an array of more than one dimension")
        } else {
            element.append(character)
        }
    }
    guard !isInQuotes, !isEscaped else { throw PostgresDecodingFailure("is an array that ends inside an element") }
    elements.append(finished())
    return elements
}
