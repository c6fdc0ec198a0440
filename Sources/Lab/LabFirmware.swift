// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// How a lab machine boots from the network.
public enum LabFirmware: String, Sendable, Hashable, Codable, CaseIterable {
    /// SeaBIOS, and iPXE in the network card, as QEMU brings them.
    case biosIPXE = "bios"
    /// OVMF (EDK II) with its own PXE client; the card has no option ROM.
    case uefi
    /// OVMF that boots by HTTP alone (UEFI 2.5), not by PXE.
    case uefiHTTP = "uefi-http"
    /// OVMF with Microsoft's keys, which starts signed loaders and kernels only.
    case uefiSecureBoot = "uefi-secure-boot"

    public var firmware: Firmware {
        switch self {
        case .biosIPXE: .bios
        case .uefi, .uefiHTTP, .uefiSecureBoot: .uefi
        }
    }
}
