// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// One request to a BMC.
public struct PowerOperation: Sendable, Hashable {
    /// Names the request, not the machine: a repeated id gets the first one's result.
    public var id: String
    /// MAAS's power type: `ipmi` or `manual`.
    public var type: String
    /// MAAS's power parameters of that type. They hold the password: never log them.
    public var parameters: [String: String]
    public var action: PowerAction
    /// Where the next boot starts, once; set before `on` and `cycle` only.
    public var bootDevice: BootDevice?
    /// Decides legacy or EFI boot flags where the parameters say `auto`.
    public var firmware: Firmware?
    /// From the call of `perform`; waiting for other operations counts.
    public var deadline: Duration

    public init(
        id: String, type: String, parameters: [String: String], action: PowerAction, bootDevice: BootDevice? = nil,
        firmware: Firmware? = nil, deadline: Duration = .seconds(60)
    ) {
        self.id = id
        self.type = type
        self.parameters = parameters
        self.action = action
        self.bootDevice = bootDevice
        self.firmware = firmware
        self.deadline = deadline
    }
}
