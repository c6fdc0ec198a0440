// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The work that a machine is in the middle of: what was asked, and how far it has come. Stored with the machine; a
/// reconciler of any region carries it on.
public struct MachineOperation: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        case commission
        case deploy
        /// Power off and give back.
        case release
        /// Boot once more, erase every disk, then give back.
        case erase
        /// Only the power action itself.
        case power
    }

    public enum Phase: String, Sendable, Codable, CaseIterable {
        /// The BMC has to be told: `power` names what.
        case power
        /// The BMC was told; the machine has not been heard of yet.
        case booting
        /// The ephemeral OS reports.
        case running
        /// Installed; the machine restarts from its own disk.
        case rebooting
        /// The work is done (or failed, see `failure`); the machine is being switched off.
        case poweringOff
    }

    /// Grows by one with each operation of the machine: late reports of an earlier one are told apart.
    public var generation: Int
    public var kind: Kind
    public var phase: Phase
    /// What the BMC is to be told in the phases `power` and `poweringOff`.
    public var powerAction: PowerAction
    /// The next boot's device, with `powerAction` on or cycle.
    public var bootDevice: BootDevice?
    public var startedAt: Timestamp
    /// When the phase has to have ended.
    public var deadline: Timestamp
    /// How often the BMC was told in this phase, without success.
    public var attempts: Int
    /// Not before this moment is the BMC told again.
    public var notBefore: Timestamp
    /// What went wrong, once it has.
    public var failure: String?
    /// The choices of the caller: `enable_ssh`, `erase`, `quick_erase`, `comment`.
    public var options: [String: String]

    public init(
        generation: Int, kind: Kind, phase: Phase, powerAction: PowerAction, bootDevice: BootDevice?, startedAt: Timestamp,
        deadline: Timestamp, options: [String: String]
    ) {
        self.generation = generation
        self.kind = kind
        self.phase = phase
        self.powerAction = powerAction
        self.bootDevice = bootDevice
        self.startedAt = startedAt
        self.deadline = deadline
        self.attempts = 0
        self.notBefore = startedAt
        self.failure = nil
        self.options = options
    }
}
