// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import OpenSSL

/// The SHA-256 of some content, which is also its name.
public struct ContentDigest: Sendable, Hashable, CustomStringConvertible {
    /// 64 lower-case hexadecimal digits.
    public let hex: String

    /// nil unless the text is 64 hexadecimal digits.
    public init?(hex: String) {
        guard hex.utf8.count == 64, let bytes = Hexadecimal.decode(hex) else { return nil }
        self.hex = Hexadecimal.encode(bytes)
    }

    public var description: String { self.hex }
}
