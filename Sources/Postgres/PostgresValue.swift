// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A type of the server, by its object identifier (`pg_type.oid`; those of built-in types never change).
public struct PostgresType: Sendable, Hashable {
    /// The object identifier; 0 leaves the choice to the server.
    public var oid: UInt32

    /// Names a type by its object identifier.
    public init(oid: UInt32) {
        self.oid = oid
    }

    /// Chosen by the server from where the parameter stands.
    public static let untyped = PostgresType(oid: 0)
    /// `boolean`
    public static let bool = PostgresType(oid: 16)
    /// `bytea`
    public static let bytea = PostgresType(oid: 17)
    /// `bigint`
    public static let int8 = PostgresType(oid: 20)
    /// `integer`
    public static let int4 = PostgresType(oid: 23)
    /// `text`
    public static let text = PostgresType(oid: 25)
    /// `double precision`
    public static let float8 = PostgresType(oid: 701)
    /// `timestamp with time zone`
    public static let timestamptz = PostgresType(oid: 1184)
    /// `jsonb`
    public static let jsonb = PostgresType(oid: 3802)
    /// `integer[]`
    public static let int4Array = PostgresType(oid: 1007)
    /// `text[]`
    public static let textArray = PostgresType(oid: 1009)
    /// `bigint[]`
    public static let int8Array = PostgresType(oid: 1016)
}

/// One parameter as it goes to the server.
public struct PostgresValue: Sendable, Hashable {
    /// How ``bytes`` are written.
    public enum Format: Sendable, Hashable {
        /// The type's text form, without NUL.
        case text
        /// The type's binary send/receive form.
        case binary
    }

    /// The type the parameter is declared with.
    public let type: PostgresType
    /// How the bytes are to be read.
    public let format: Format
    /// The value; `nil` is NULL.
    public let bytes: [UInt8]?

    /// A parameter from its parts.
    public init(type: PostgresType, format: Format = .binary, bytes: [UInt8]?) {
        self.type = type
        self.format = format
        self.bytes = bytes
    }
}

/// JSON text, stored as `jsonb` (which keeps neither spaces nor the order of keys).
public struct PostgresJSON: Sendable, Hashable {
    /// The JSON text. The server checks it.
    public var text: String

    /// Wraps JSON text.
    public init(_ text: String) {
        self.text = text
    }
}

/// Text whose type the server takes from the context: `inet`, `macaddr`, `interval`, an enum ….
public struct PostgresUntyped: Sendable, Hashable {
    /// The type's text form.
    public var text: String

    /// Wraps a text form.
    public init(_ text: String) {
        self.text = text
    }
}

/// A moment: `timestamp with time zone`.
public struct PostgresTimestamp: Sendable, Hashable, Comparable {
    /// Microseconds since 1970-01-01T00:00:00Z, without leap seconds. The server holds the years -4712 to 294276.
    public var microseconds: Int64

    /// A moment by its distance from the Unix epoch.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Earlier is less.
    public static func < (left: PostgresTimestamp, right: PostgresTimestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The server counts from 2000-01-01T00:00:00Z.
    static let serverEpoch: Int64 = 946_684_800_000_000
}
