// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a user can ask of a machine.
public enum MachineRequest: Sendable, Hashable {
    /// Boot the machine to be inventoried and tested.
    case commission(options: [String: String])
    /// Take the machine for a user.
    case allocate(owner: String, agentName: String)
    /// Install an operating system.
    case deploy(owner: String, osystem: String, distroSeries: String, options: [String: String])
    /// Give the machine back, with or without erasing its disks.
    case release(erase: EraseMode?, options: [String: String])
    /// Stop what is being done.
    case abort
    case power(PowerAction)
    case markBroken(comment: String)
    case markFixed
    case lock
    case unlock
}
