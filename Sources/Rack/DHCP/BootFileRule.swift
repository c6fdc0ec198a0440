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
        let files = configuration.bootFiles
        let name: String
        switch loader {
        case .none: return nil
        case .biosPXE: name = files.bios
        case .ipxeScript: name = files.ipxe
        case .efiX64: name = files.efiX64
        case .efiARM64: name = files.efiARM64
        case .httpX64: name = files.httpX64
        case .httpARM64: name = files.httpARM64
        }
        return name.hasPrefix("/") ? Self.url(name, configuration) : name
    }

    /// What is put before the names of files that pxelinux asks for (option 210, RFC 5071): nil for a loader that knows no URLs.
    static func pathPrefix(_ loader: Loader, in configuration: DHCPSegmentConfiguration) -> String? {
        Self.file(loader, in: configuration) == "lpxelinux.0" ? Self.url("/", configuration) : nil
    }

    static func url(_ path: String, _ configuration: DHCPSegmentConfiguration) -> String {
        "http://\(configuration.serviceAddress):\(configuration.httpPort)\(path)"
    }
}
