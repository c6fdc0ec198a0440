// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A node's name in every URL: six digits of a 24-letter alphabet without look-alikes (MAAS: `znums`).
public struct SystemID: Sendable, Hashable, Comparable, LosslessStringConvertible {
    /// The digits, in ascending order of value.
    public static let alphabet: [UInt8] = Array("34678abcdefghkmnpqrstwxy".utf8)

    public let description: String

    /// Nil unless the text has six digits of the alphabet.
    public init?(_ text: String) {
        guard text.utf8.count == 6, text.utf8.allSatisfy({ Self.alphabet.contains($0) }) else { return nil }
        self.description = text
    }

    /// A random identity; the first digit is never the lowest one, so that all have six digits as numbers too.
    public static func random(using generator: inout some RandomNumberGenerator) -> SystemID {
        var digits: [UInt8] = [Self.alphabet[Int.random(in: 1..<Self.alphabet.count, using: &generator)]]
        for _ in 0..<5 {
            digits.append(Self.alphabet[Int.random(in: 0..<Self.alphabet.count, using: &generator)])
        }
        return SystemID(unchecked: String(decoding: digits, as: UTF8.self))
    }

    private init(unchecked text: String) {
        self.description = text
    }

    public static func < (left: Self, right: Self) -> Bool {
        left.description < right.description
    }
}

extension SystemID: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder, expected: "a system id of six characters")
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}
