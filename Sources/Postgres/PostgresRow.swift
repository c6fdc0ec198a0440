// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a statement answered.
public struct PostgresResult: Sendable {
    /// The rows, if the statement returns any.
    public var rows: [PostgresRow]
    /// Rows inserted, updated, deleted or returned; 0 for statements that do none of these.
    public var rowsAffected: Int
    /// The server's command tag, for example `INSERT 0 1`.
    public var command: String
}

/// One row of a result. Rows of one result share their storage.
public struct PostgresRow: Sendable {
    let storage: PostgresResultStorage
    let index: Int

    /// The names of the columns, in order.
    public var columns: [String] { self.storage.columns.map(\.name) }

    /// The value of the column with this name (the first of them, if several have it).
    ///
    /// - Throws: ``PostgresError`` with code `decoding` when there is no such column, it is NULL and `T` is not optional, or its
    ///   text is not a `T`.
    public func decode<T: PostgresDecodable>(_ type: T.Type = T.self, _ column: String) throws -> T {
        guard let position = self.storage.positions[column] else {
            let known = self.storage.columns.map(\.name).joined(separator: ", ")
            throw PostgresError(.decoding(column: column), "the result has no column \(column), only \(known)")
        }
        return try self.decode(type, at: position)
    }

    /// The value of a column by its position, from 0. Throws like ``decode(_:_:)``.
    public func decode<T: PostgresDecodable>(_ type: T.Type = T.self, at position: Int) throws -> T {
        guard let cell = self.storage.cell(row: self.index, column: position) else {
            let count = self.storage.columns.count
            throw PostgresError(.decoding(column: "\(position)"), "the result has \(count) columns, column \(position) was asked for")
        }
        do {
            return try T.decode(cell)
        } catch {
            let column = self.storage.columns[position]
            throw PostgresError(
                .decoding(column: column.name),
                "column \(column.name) (type \(column.type.oid)): \(error.reason), expected \(T.self)"
            )
        }
    }

    /// The value of the column with this name. Throws like ``decode(_:_:)``.
    public subscript<T: PostgresDecodable>(column: String) -> T {
        get throws { try self.decode(T.self, column) }
    }

    /// Whether the column with this name is NULL.
    public func isNull(_ column: String) throws -> Bool {
        try self.decode(NullTest.self, column).isNull
    }

    private struct NullTest: PostgresDecodable {
        let isNull: Bool

        static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> NullTest {
            NullTest(isNull: cell.bytes == nil)
        }
    }
}

/// One value of a result, in the server's text form (the session has `DateStyle` ISO, time zone UTC, `bytea_output` hex).
public struct PostgresCell: Sendable {
    /// The column's type.
    public let type: PostgresType
    /// The text form; `nil` is NULL.
    public let bytes: ArraySlice<UInt8>?
}

/// The cells of a result, in one piece of memory.
final class PostgresResultStorage: Sendable {
    struct Column: Sendable, Equatable {
        let name: String
        let type: PostgresType
    }

    let columns: [Column]
    let positions: [String: Int]
    private let bytes: [UInt8]
    /// Where each cell ends in ``bytes``, row by row, `isNull` in the sign: a NULL at 5 is -6.
    private let ends: [Int]

    /// - Parameter ends: As described there; exactly `columns.count` for each row.
    init(columns: [Column], bytes: [UInt8], ends: [Int]) {
        self.columns = columns
        self.positions = Dictionary(columns.enumerated().map { ($1.name, $0) }) { first, _ in first }
        self.bytes = bytes
        self.ends = ends
    }

    /// `nil` when there is no such cell.
    func cell(row: Int, column: Int) -> PostgresCell? {
        guard self.columns.indices.contains(column), row >= 0 else { return nil }
        let position = row * self.columns.count + column
        guard self.ends.indices.contains(position) else { return nil }
        let type = self.columns[column].type
        let end = self.ends[position]
        guard end >= 0 else { return PostgresCell(type: type, bytes: nil) }
        let previous = position == 0 ? 0 : self.ends[position - 1]
        return PostgresCell(type: type, bytes: self.bytes[(previous < 0 ? -previous - 1 : previous)..<end])
    }
}
