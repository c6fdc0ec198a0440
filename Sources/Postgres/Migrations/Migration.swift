// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// One step of the schema's history. Never edited once released: a later step changes what it made.
public struct Migration: Sendable, Hashable {
    /// Its place: 1, 2, 3 … without gaps.
    public let number: Int
    /// What it does, for people.
    public let name: String
    /// One SQL statement each, run in order in one transaction.
    public let statements: [String]

    /// A step from its parts.
    public init(number: Int, name: String, statements: [String]) {
        self.number = number
        self.name = name
        self.statements = statements
    }

    /// What its digest is made of.
    var text: String { self.statements.joined(separator: "\n;\n") }
}
