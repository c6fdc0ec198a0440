// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// How disks are erased when a machine is released.
public enum EraseMode: String, Sendable, Codable, CaseIterable {
    /// The best that each device offers, else overwriting; all of it read back.
    case full
    /// The device's own secure erase, else overwriting.
    case secure
    /// The device's own secure erase, else quick: what MAAS does when both are asked for.
    case secureOrQuick = "secure_or_quick"
    /// Only the beginning and the end, where partition tables and RAID signatures are.
    case quick
}
