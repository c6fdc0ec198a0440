// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import JSON
public import Postgres

// Enums are stored as their raw values; the schema's checks hold the same lists.
extension BootAsset.Kind: PostgresEncodable, PostgresDecodable {}
extension Controller.Kind: PostgresEncodable, PostgresDecodable {}
extension Event.Source: PostgresEncodable, PostgresDecodable {}
extension EventLevel: PostgresEncodable, PostgresDecodable {}
extension Firmware: PostgresEncodable, PostgresDecodable {}
extension InterfaceLink.Mode: PostgresEncodable, PostgresDecodable {}
extension IPRange.Kind: PostgresEncodable, PostgresDecodable {}
extension NetworkInterface.Kind: PostgresEncodable, PostgresDecodable {}
extension NodeStatus: PostgresEncodable, PostgresDecodable {}
extension PowerState: PostgresEncodable, PostgresDecodable {}
extension PowerType: PostgresEncodable, PostgresDecodable {}
extension ScriptResultSet.Kind: PostgresEncodable, PostgresDecodable {}
extension ScriptStatus: PostgresEncodable, PostgresDecodable {}

/// The value whose text form is in the cell.
private func decodeText<Value: LosslessStringConvertible>(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> Value {
    let text = try String.decode(cell)
    guard let value = Value(text) else { throw PostgresDecodingFailure("is \(text.prefix(40).debugDescription)") }
    return value
}

extension SystemID: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { String.postgresType }
    public var postgresValue: PostgresValue { self.description.postgresValue }

    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> SystemID {
        try decodeText(cell)
    }
}

extension MACAddress: PostgresEncodable, PostgresDecodable {
    /// `macaddr`, from the context.
    public static var postgresType: PostgresType { PostgresUntyped.postgresType }
    public var postgresValue: PostgresValue { PostgresUntyped(self.description).postgresValue }

    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> MACAddress {
        try decodeText(cell)
    }
}

extension IPv4Address: PostgresEncodable, PostgresDecodable {
    /// `inet`, from the context.
    public static var postgresType: PostgresType { PostgresUntyped.postgresType }
    public var postgresValue: PostgresValue { PostgresUntyped(self.description).postgresValue }

    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> IPv4Address {
        try decodeText(cell)
    }
}

extension IPv4Network: PostgresEncodable, PostgresDecodable {
    /// `cidr`, from the context.
    public static var postgresType: PostgresType { PostgresUntyped.postgresType }
    public var postgresValue: PostgresValue { PostgresUntyped(self.description).postgresValue }

    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> IPv4Network {
        try decodeText(cell)
    }
}

extension IPv6Address: PostgresEncodable, PostgresDecodable {
    /// `inet`, from the context.
    public static var postgresType: PostgresType { PostgresUntyped.postgresType }
    public var postgresValue: PostgresValue { PostgresUntyped(self.description).postgresValue }

    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> IPv6Address {
        try decodeText(cell)
    }
}

extension IPv6Network: PostgresEncodable, PostgresDecodable {
    /// `cidr`, from the context.
    public static var postgresType: PostgresType { PostgresUntyped.postgresType }
    public var postgresValue: PostgresValue { PostgresUntyped(self.description).postgresValue }

    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> IPv6Network {
        try decodeText(cell)
    }
}

extension Timestamp: PostgresEncodable, PostgresDecodable {
    /// The years 1 to 9999: what the server can store, and any client can read.
    private static let storable: ClosedRange<Int64> = -62_135_596_800_000_000...253_402_300_799_999_999

    public static var postgresType: PostgresType { PostgresTimestamp.postgresType }

    /// A moment out of the storable range becomes its nearer end: a controller with a broken clock must not lose its reports.
    public var postgresValue: PostgresValue { PostgresTimestamp(microseconds: self.storableMicroseconds).postgresValue }

    var storableMicroseconds: Int64 {
        min(max(self.microseconds, Self.storable.lowerBound), Self.storable.upperBound)
    }

    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> Timestamp {
        Timestamp(microseconds: try PostgresTimestamp.decode(cell).microseconds)
    }
}
