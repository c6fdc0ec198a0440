// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A constraint of an allocation that cannot be read.
public struct ConstraintError: Error, Equatable, CustomStringConvertible {
    /// MAAS's name of the parameter.
    public let field: String
    /// What is wrong, and what was expected.
    public let message: String

    public init(field: String, message: String) {
        self.field = field
        self.message = message
    }

    public var description: String { "\(self.field): \(self.message)" }
}
