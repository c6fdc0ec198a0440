// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A set of option numbers, in 32 bytes without storage of its own: what a client sent, or what it asks for.
public struct DHCPOptionSet: Sendable, Hashable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    public init() {}

    public mutating func insert(_ code: UInt8) {
        let bit = UInt64(1) << UInt64(code & 63)
        switch code >> 6 {
        case 0: self.words.0 |= bit
        case 1: self.words.1 |= bit
        case 2: self.words.2 |= bit
        default: self.words.3 |= bit
        }
    }

    public func contains(_ code: DHCPOptionCode) -> Bool {
        let bit = UInt64(1) << UInt64(code.rawValue & 63)
        return switch code.rawValue >> 6 {
        case 0: self.words.0 & bit != 0
        case 1: self.words.1 & bit != 0
        case 2: self.words.2 & bit != 0
        default: self.words.3 & bit != 0
        }
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.words == right.words
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.words.0)
        hasher.combine(self.words.1)
        hasher.combine(self.words.2)
        hasher.combine(self.words.3)
    }
}
