// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import JSON
import Postgres

/// Rows for `jsonb_to_recordset`: any number of them with one parameter, so that a statement stays the same for any number of rows.
struct Records: Sendable {
    private var rows: [JSONValue] = []

    var isEmpty: Bool { self.rows.isEmpty }

    mutating func append(_ row: JSONObject) {
        self.rows.append(.object(row))
    }

    /// The parameter.
    var json: PostgresJSON { PostgresJSON(JSONValue.array(self.rows).text) }
}

extension JSONValue {
    /// Text without NUL characters, which the database can't store and machines do send, in the names of disks for one.
    static func text(_ text: String) -> JSONValue { .string(storable(text)) }

    static func text(_ text: String?) -> JSONValue { text.map { .string(storable($0)) } ?? .null }

    static func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string(storable($0)) }) }

    /// Microseconds, for ``PostgresQuery/moment(_:)``.
    static func moment(_ moment: Timestamp) -> JSONValue { .int(Int(moment.storableMicroseconds)) }
}

/// The text without NUL characters.
func storable(_ text: String) -> String {
    guard text.utf8.contains(0) else { return text }
    return String(decoding: text.utf8.lazy.filter { $0 != 0 }, as: UTF8.self)
}

/// The text without NUL characters, and of at most so many characters (Unicode scalars).
func storable(_ text: String, atMost limit: Int) -> String {
    let text = storable(text)
    guard text.utf8.count > limit, text.unicodeScalars.count > limit else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit)))
}

extension PostgresQuery {
    /// SQL for a moment from a column of microseconds since 1970, exactly.
    static func moment(_ column: String) -> PostgresQuery {
        PostgresQuery(unescaped: "(timestamptz 'epoch' + \(column) * interval '1 microsecond')")
    }

    /// The fragments with AND between them, behind WHERE; nothing when there are none.
    static func conditions(_ conditions: [PostgresQuery]) -> PostgresQuery {
        guard !conditions.isEmpty else { return "" }
        return " WHERE \(PostgresQuery.joined(conditions, separator: " AND "))"
    }
}

/// A map of text as `jsonb`, keys in order.
func storedMap(_ map: [String: String]) -> PostgresJSON {
    let members = map.sorted { $0.key < $1.key }.map { (storable($0.key), JSONValue.text($0.value)) }
    return PostgresJSON(JSONValue.object(JSONObject(members)).text)
}

/// The map of text in a `jsonb` column; other values are left out.
func readMap(_ json: PostgresJSON, column: String) throws -> [String: String] {
    guard case .object(let object) = try readJSON(json, column: column) else { return [:] }
    return Dictionary(object.members.compactMap { key, value in value.stringValue.map { (key, $0) } }) { first, _ in first }
}

/// The value in a `jsonb` column.
func readJSON(_ json: PostgresJSON, column: String) throws -> JSONValue {
    do {
        return try JSONValue(parsing: json.text)
    } catch {
        throw StoreError(.failed, "The column \(column) can't be read.", cause: error)
    }
}
