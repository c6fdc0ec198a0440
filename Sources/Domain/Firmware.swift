// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// How a machine boots (MAAS: `bios_boot_method`).
public enum Firmware: String, Sendable, Codable, CaseIterable {
    case bios
    case uefi
}
