// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// SQL text with parameters, written as an interpolated string.
///
/// An interpolated value is always sent as a parameter of a declared type (`$1`, `$2` …), never as text:
///
///     let query: PostgresQuery = "SELECT hostname FROM machine WHERE id = \(id) AND zone = ANY(\(zones))"
///
/// An interpolated query is embedded, with its placeholders renumbered, so a WHERE clause can be put together from parts.
/// A query is one SQL statement.
public struct PostgresQuery: Sendable, Hashable, ExpressibleByStringInterpolation, CustomStringConvertible {
    enum Piece: Sendable, Hashable {
        case text(String)
        case value(PostgresValue)
    }

    private(set) var pieces: [Piece]
    private(set) var isPrepared = true

    /// The statement with its placeholders.
    public var sql: String {
        var text = ""
        var number = 0
        for piece in self.pieces {
            switch piece {
            case .text(let part): text += part
            case .value:
                number += 1
                text += "$\(number)"
            }
        }
        return text
    }

    /// What the placeholders stand for, in order.
    public var parameters: [PostgresValue] {
        self.pieces.compactMap { if case .value(let value) = $0 { value } else { nil } }
    }

    /// The statement without its parameters: safe to log.
    public var description: String { self.sql }

    /// A query from text that the program wrote itself; never from anything that came from outside.
    ///
    /// - Parameter prepared: Whether connections keep the statement prepared. Right for what runs again and again.
    public init(unescaped sql: String, prepared: Bool = true) {
        self.pieces = [.text(sql)]
        self.isPrepared = prepared
    }

    /// A query without parameters.
    public init(stringLiteral value: String) {
        self.pieces = [.text(value)]
    }

    /// A query with parameters.
    public init(stringInterpolation: StringInterpolation) {
        self.pieces = stringInterpolation.pieces
    }

    /// The same query, sent without preparing it: for statements that run once.
    public func unprepared() -> PostgresQuery {
        var query = self
        query.isPrepared = false
        return query
    }

    /// Adds a fragment at the end, as it is: mind the space between the two.
    public mutating func append(_ fragment: PostgresQuery) {
        self.pieces += fragment.pieces
    }

    /// The fragments, one after another.
    ///
    /// - Parameter separator: Trusted text that goes between two fragments, for example `" AND "`.
    public static func joined(_ fragments: [PostgresQuery], separator: String) -> PostgresQuery {
        var query = PostgresQuery(stringLiteral: "")
        for (index, fragment) in fragments.enumerated() {
            if index > 0 { query.pieces.append(.text(separator)) }
            query.pieces += fragment.pieces
        }
        return query
    }

    /// Collects the parts of an interpolated query.
    public struct StringInterpolation: StringInterpolationProtocol {
        var pieces: [Piece] = []

        /// Called by the compiler.
        public init(literalCapacity: Int, interpolationCount: Int) {
            self.pieces.reserveCapacity(interpolationCount * 2 + 1)
        }

        /// Text of the program.
        public mutating func appendLiteral(_ literal: String) {
            if !literal.isEmpty { self.pieces.append(.text(literal)) }
        }

        /// A parameter.
        public mutating func appendInterpolation(_ value: some PostgresEncodable) {
            self.pieces.append(.value(value.postgresValue))
        }

        /// A parameter that may be NULL. (Without this one the compiler warns that an optional is interpolated.)
        public mutating func appendInterpolation(_ value: (some PostgresEncodable)?) {
            self.pieces.append(.value(value.postgresValue))
        }

        /// A part of a query.
        public mutating func appendInterpolation(_ fragment: PostgresQuery) {
            self.pieces += fragment.pieces
        }

        /// Text that the program wrote itself; never anything that came from outside.
        public mutating func appendInterpolation(unescaped text: String) {
            self.pieces.append(.text(text))
        }

        /// The name of a table, column or channel, quoted.
        public mutating func appendInterpolation(identifier: String) {
            self.pieces.append(.text(quotedIdentifier(identifier)))
        }
    }
}

/// A name between double quotes, with double quotes in it doubled (PostgreSQL manual, 4.1.1).
func quotedIdentifier(_ name: String) -> String {
    var quoted = "\""
    for character in name.unicodeScalars {
        if character == "\"" { quoted.unicodeScalars.append(character) }
        quoted.unicodeScalars.append(character)
    }
    return quoted + "\""
}
