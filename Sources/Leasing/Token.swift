// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// The right to create *the* binding of one generation of one address. At any time one rack holds it, or it is on its way,
/// or spent, or at the authority.
public struct Token: Sendable, Hashable, Codable, Comparable {
    public var address: IPv4Address
    public var generation: UInt32

    public init(address: IPv4Address, generation: UInt32) {
        self.address = address
        self.generation = generation
    }

    public static func < (left: Self, right: Self) -> Bool {
        (left.address, left.generation) < (right.address, right.generation)
    }

    private enum CodingKeys: String, CodingKey {
        case address = "a"
        case generation = "g"
    }
}
