// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why no plan can be made; for the user.
public struct InstallationError: Error, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
