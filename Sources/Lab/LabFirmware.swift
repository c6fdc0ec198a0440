// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// How a lab machine boots from the network.
public enum LabFirmware: String, Sendable, Hashable, Codable, CaseIterable {
    /// SeaBIOS, and iPXE in the network card, as QEMU brings them.
    case biosIPXE
    /// OVMF (EDK II) with its own PXE client; the card has no option ROM.
    case uefi

    public var firmware: Firmware {
        switch self {
        case .biosIPXE: .bios
        case .uefi: .uefi
        }
    }
}
