// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Output of the inventory script that is no inventory.
public struct InventoryError: Error, Equatable, CustomStringConvertible {
    /// Where in the document, and what was expected there.
    public let message: String

    public init(_ message: String) {
        self.message = message
    }

    public var description: String { "inventory: \(self.message)" }
}
