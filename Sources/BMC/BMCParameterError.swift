// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A power parameter that cannot be used.
public struct BMCParameterError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The parameter's name in MAAS, such as `cipher_suite_id`.
    public var key: String
    /// What was given; secrets appear only as their length.
    public var value: String
    public var expected: String

    init(_ key: String, _ value: String, expected: String) {
        self.key = key
        self.value = value.count > 80 ? value.prefix(80) + "…" : value
        self.expected = expected
    }

    public var description: String { "\(self.key): '\(self.value)' is not \(self.expected)" }
}
