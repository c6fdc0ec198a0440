// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Inventory
import JSON

@testable import Images

/// A JSON document: what machines tell of their hardware, and what image mirrors offer.
enum DocumentTarget: FuzzTarget {
    static let name = "documents"

    static func take(_ input: [UInt8]) {
        if let inventory = try? InventoryReader.read(input) {
            precondition(inventory.cpuCount > 0 && inventory.memoryMiB > 0 && inventory.blockDevices.allSatisfy { $0.sizeBytes > 0 })
        }
        guard let value = try? JSONValue(parsing: input) else { return }
        let bytes = value.bytes
        guard let again = try? JSONValue(parsing: bytes) else { preconditionFailure("\(value) is written as what cannot be read") }
        precondition(again.bytes == bytes, "\(value) became \(again)")
        _ = try? ProductList(value, contentID: "fuzz", path: "streams/v1/fuzz.json").newest()
    }
}
