// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// How a machine's BMC is reached. Stored sealed; never logged.
public struct PowerConfiguration: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public var type: PowerType
    /// MAAS's parameters of the driver, such as `power_address` and `power_pass`.
    public var parameters: [String: String]

    public init(type: PowerType, parameters: [String: String]) {
        self.type = type
        self.parameters = parameters
    }

    /// The type alone: parameters hold passwords.
    public var description: String { "power type \(self.type.rawValue)" }

    public var customMirror: Mirror { Mirror(self, children: ["type": self.type.rawValue]) }
}
