// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A configuration file that cannot be used.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    public let file: String
    /// The key with its path, such as `http.port`; empty for the whole file.
    public let key: String
    public let message: String

    public init(file: String, key: String, message: String) {
        self.file = file
        self.key = key
        self.message = message
    }

    public var description: String {
        self.key.isEmpty ? "\(self.file): \(self.message)" : "\(self.file): \(self.key): \(self.message)"
    }
}
