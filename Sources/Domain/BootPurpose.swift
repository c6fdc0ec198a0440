// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a machine that asks over the network for its boot configuration is to do (MAAS: `get_boot_purpose`).
public enum BootPurpose: String, Sendable, Codable, CaseIterable {
    /// A machine that nobody knows: boot the ephemeral OS and enlist.
    case enlist
    /// Boot the ephemeral OS for inventory, tests, erasing or rescue.
    case commissioning
    /// Boot the ephemeral OS for installation.
    case xinstall
    /// Boot from the local disk.
    case local
    /// Boot the ephemeral OS, which switches the machine off.
    case poweroff

    /// Whether the ephemeral OS is what boots.
    public var bootsEphemeral: Bool { self != .local }
}
