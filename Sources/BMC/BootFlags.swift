// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// The request that sets where the next boot starts (IPMI 2.0, section 28.12 and table 28-14, parameter 5).
enum BootFlags {
    /// Command byte and data of Set System Boot Options for one boot, without persistence.
    static func request(device: BootDevice, efi: Bool) -> [UInt8] {
        let valid: UInt8 = 0x80
        let selector: UInt8 =
            switch device {
            case .network: 0b0001 << 2
            case .disk: 0b0010 << 2
            }
        return [0x08, 0x05, efi ? valid | 0x20 : valid, selector, 0, 0, 0]
    }

    /// Whether the EFI bit belongs into the flags: as told, else as the machine's firmware needs.
    static func isEFI(bootType: BMCParameters.BootType, firmware: Firmware?) -> Bool {
        switch bootType {
        case .efi: true
        case .legacy: false
        case .auto: firmware == .uefi
        }
    }
}
