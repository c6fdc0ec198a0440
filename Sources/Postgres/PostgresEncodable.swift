// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A value that can be a parameter of a ``PostgresQuery``.
///
/// Enums whose raw value is encodable need only to declare the conformance.
public protocol PostgresEncodable {
    /// The type a parameter of this kind is declared with, NULL included.
    static var postgresType: PostgresType { get }
    /// The parameter.
    var postgresValue: PostgresValue { get }
}

/// A type whose arrays can be parameters and results.
public protocol PostgresArrayElement: PostgresEncodable, PostgresDecodable {
    /// The type of an array of these.
    static var postgresArrayType: PostgresType { get }
    /// The array as one parameter.
    static func encodeArray(_ elements: [Self]) -> PostgresValue
    /// The array from a result.
    static func decodeArray(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> [Self]
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
    /// The raw value's type.
    public static var postgresType: PostgresType { RawValue.postgresType }
    /// The raw value.
    public var postgresValue: PostgresValue { self.rawValue.postgresValue }
}

extension Bool: PostgresEncodable {
    /// `boolean`
    public static var postgresType: PostgresType { .bool }
    /// One byte.
    public var postgresValue: PostgresValue { PostgresValue(type: .bool, bytes: [self ? 1 : 0]) }
}

extension Int: PostgresEncodable {
    /// `bigint`
    public static var postgresType: PostgresType { .int8 }
    /// Eight bytes, big-endian.
    public var postgresValue: PostgresValue { PostgresValue(type: .int8, bytes: bigEndianBytes(Int64(self))) }
}

extension Int32: PostgresEncodable {
    /// `integer`
    public static var postgresType: PostgresType { .int4 }
    /// Four bytes, big-endian.
    public var postgresValue: PostgresValue { PostgresValue(type: .int4, bytes: bigEndianBytes(self)) }
}

extension Double: PostgresEncodable {
    /// `double precision`
    public static var postgresType: PostgresType { .float8 }
    /// IEEE 754, big-endian.
    public var postgresValue: PostgresValue { PostgresValue(type: .float8, bytes: bigEndianBytes(self.bitPattern)) }
}

extension String: PostgresEncodable {
    /// `text`
    public static var postgresType: PostgresType { .text }
    /// UTF-8. The server refuses NUL.
    public var postgresValue: PostgresValue { PostgresValue(type: .text, bytes: Array(self.utf8)) }
}

extension PostgresJSON: PostgresEncodable {
    /// `jsonb`
    public static var postgresType: PostgresType { .jsonb }
    /// Version 1 of the binary form: a byte 1, then the text.
    public var postgresValue: PostgresValue { PostgresValue(type: .jsonb, bytes: [1] + Array(self.text.utf8)) }
}

extension PostgresUntyped: PostgresEncodable {
    /// Left to the server.
    public static var postgresType: PostgresType { .untyped }
    /// The text form.
    public var postgresValue: PostgresValue { PostgresValue(type: .untyped, format: .text, bytes: Array(self.text.utf8)) }
}

extension PostgresTimestamp: PostgresEncodable {
    /// `timestamp with time zone`
    public static var postgresType: PostgresType { .timestamptz }
    /// Microseconds from the server's epoch. Moments out of the server's range become ones that it refuses.
    public var postgresValue: PostgresValue {
        let (distance, overflow) = self.microseconds.subtractingReportingOverflow(Self.serverEpoch)
        // Int64.min would mean "-infinity"; one more is only out of range, which the server says.
        let sent = overflow ? Int64.min + 1 : distance
        return PostgresValue(type: .timestamptz, bytes: bigEndianBytes(sent))
    }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    /// The wrapped value's type.
    public static var postgresType: PostgresType { Wrapped.postgresType }
    /// The wrapped value, or a NULL of its type.
    public var postgresValue: PostgresValue {
        self?.postgresValue ?? PostgresValue(type: Wrapped.postgresType, bytes: nil)
    }
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    /// The array type of the element.
    public static var postgresType: PostgresType { Element.postgresArrayType }
    /// The array as one parameter.
    public var postgresValue: PostgresValue { Element.encodeArray(self) }
}

extension PostgresArrayElement {
    /// The server's binary form of a one-dimensional array without NULLs (`array_send`): dimensions, has-NULLs flag, element
    /// type, length and lower bound of the dimension, then each element behind its length.
    public static func encodeArray(_ elements: [Self]) -> PostgresValue {
        var bytes: [UInt8] = []
        bytes += bigEndianBytes(Int32(elements.isEmpty ? 0 : 1))
        bytes += bigEndianBytes(Int32(0))
        bytes += bigEndianBytes(Self.postgresType.oid)
        if !elements.isEmpty {
            bytes += bigEndianBytes(Int32(clamping: elements.count))
            bytes += bigEndianBytes(Int32(1))
            for element in elements {
                let value = element.postgresValue.bytes ?? []
                bytes += bigEndianBytes(Int32(clamping: value.count))
                bytes += value
            }
        }
        return PostgresValue(type: Self.postgresArrayType, bytes: bytes)
    }
}

extension String: PostgresArrayElement {
    /// `text[]`
    public static var postgresArrayType: PostgresType { .textArray }
}

extension Int: PostgresArrayElement {
    /// `bigint[]`
    public static var postgresArrayType: PostgresType { .int8Array }
}

extension Int32: PostgresArrayElement {
    /// `integer[]`
    public static var postgresArrayType: PostgresType { .int4Array }
}

/// An array of bytes is a `bytea`, not an array of the server.
extension UInt8: PostgresArrayElement {
    /// `integer`: the server has no unsigned byte.
    public static var postgresType: PostgresType { .int4 }
    /// As an integer.
    public var postgresValue: PostgresValue { Int32(self).postgresValue }
    /// `bytea`
    public static var postgresArrayType: PostgresType { .bytea }
    /// The bytes themselves.
    public static func encodeArray(_ elements: [UInt8]) -> PostgresValue {
        PostgresValue(type: .bytea, bytes: elements)
    }
}

func bigEndianBytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(T.bitWidth / 8)
    for shift in stride(from: T.bitWidth - 8, through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
    return bytes
}
