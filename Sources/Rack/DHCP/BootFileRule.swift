// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import DHCP

/// Which first file a client gets, by what it says of itself.
///
/// Firmware names its architecture (option 93) and how it boots (option 60, RFC 4578 and UEFI's HTTP boot); iPXE, whether it is a network
/// card's ROM or was loaded before, names itself and takes a script by HTTP on every architecture.
enum BootFileRule {
    enum Loader: Int, Sendable, CaseIterable {
        /// The client does not boot: an operating system that renews its address.
        case none
        case biosPXE
        case ipxeScript
        case efiX64
        case efiARM64
        case httpX64
        case httpARM64
    }

    static func loader(
        architecture: ClientArchitecture?, vendorClass: DHCPMessageView.VendorClass, isIPXE: Bool
    ) -> Loader {
        if isIPXE { return .ipxeScript }
        switch vendorClass {
        case .none, .other: return .none
        case .httpClient:
            return switch architecture {
            case .efiX64HTTP, .efiByteCodeHTTP: .httpX64
            case .efiARM64HTTP: .httpARM64
            default: .none
            }
        case .pxeClient:
            return switch architecture {
            // A ROM from before RFC 4578 says nothing, and is a BIOS one.
            case nil, .biosX86: .biosPXE
            case .efiX64, .efiByteCode: .efiX64
            case .efiARM64: .efiARM64
            default: .none
            }
        }
    }

    /// The file's name for TFTP, or its URL; nil for a client that does not boot.
    static func file(_ loader: Loader, in configuration: DHCPSegmentConfiguration) -> String? {
        switch loader {
        case .none: nil
        case .biosPXE: configuration.biosLoader
        case .ipxeScript: Self.url(configuration.ipxeScript, configuration)
        case .efiX64: "bootx64.efi"
        case .efiARM64: "bootaa64.efi"
        // Not shim: the signed GRUB that it starts cannot speak HTTP, and would not find its configuration.
        case .httpX64: Self.url("/images/ipxe.efi", configuration)
        case .httpARM64: Self.url("/images/bootaa64.efi", configuration)
        }
    }

    static func url(_ path: String, _ configuration: DHCPSegmentConfiguration) -> String {
        "http://\(configuration.serviceAddress):\(configuration.httpPort)\(path)"
    }
}
