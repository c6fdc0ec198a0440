// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Asks a rack to drive a machine's BMC.
public struct PowerCommand: LinkMessage, CustomStringConvertible, CustomReflectable {
    public static let name = "power.perform"
    public typealias Reply = PowerReport

    /// A repeated command with the same identity is carried out once.
    public var operationID: String
    public var powerType: String
    /// Holds the BMC's password: never logged.
    public var parameters: [String: String]
    public var action: PowerAction
    public var bootDevice: BootDevice?
    public var firmware: Firmware?
    public var deadlineSeconds: Int

    public init(
        operationID: String, powerType: String, parameters: [String: String], action: PowerAction, bootDevice: BootDevice?,
        firmware: Firmware?, deadlineSeconds: Int
    ) {
        self.operationID = operationID
        self.powerType = powerType
        self.parameters = parameters
        self.action = action
        self.bootDevice = bootDevice
        self.firmware = firmware
        self.deadlineSeconds = deadlineSeconds
    }

    public var description: String { "power \(self.action.rawValue) \(self.operationID)" }

    public var customMirror: Mirror { Mirror(self, children: ["operationID": self.operationID, "action": self.action.rawValue]) }
}

/// How a power command ended.
public struct PowerReport: Codable, Sendable, Hashable {
    /// The word of `BMC.PowerOutcome`; an unknown one counts as a failure that is not tried again.
    public var outcome: String
    public var state: PowerState?
    /// For the operator; holds no secrets.
    public var message: String

    public init(outcome: String, state: PowerState?, message: String) {
        self.outcome = outcome
        self.state = state
        self.message = message
    }

    public var succeeded: Bool { self.outcome == "succeeded" }

    /// Whether trying again may help.
    public var isTransient: Bool { ["busy", "timeout", "unreachable", "protocolError"].contains(self.outcome) }
}
