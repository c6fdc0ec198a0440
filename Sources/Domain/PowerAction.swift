// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a BMC is asked to do.
public enum PowerAction: String, Sendable, Codable, CaseIterable {
    case on
    case off
    /// Off and on again; on when it was off.
    case cycle
    /// Asks the operating system to shut down (ACPI power button).
    case softOff = "soft_off"
    case status
}
