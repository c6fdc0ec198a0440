// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The first file of each kind of client. A name that begins with a slash is a path below the boot HTTP server; any other one is for TFTP.
public struct DHCPBootFiles: Sendable, Hashable {
    /// iPXE, whether it is a network card's ROM or was loaded before.
    public var ipxe = "/ipxe.cfg"
    /// A BIOS whose network card speaks PXE.
    public var bios = "lpxelinux.0"
    /// UEFI PXE on x86-64: shim, which starts the signed GRUB beside it.
    public var efiX64 = "bootx64.efi"
    /// UEFI PXE on arm64.
    public var efiARM64 = "bootaa64.efi"
    /// UEFI HTTP boot on x86-64: Gantry's own GRUB. Not shim: Debian's signed GRUB, which it starts, cannot speak HTTP and would not find
    /// its configuration.
    public var httpX64 = "/images/grubhttpx64.efi"
    /// UEFI HTTP boot on arm64.
    public var httpARM64 = "/images/grubhttpaa64.efi"

    public init() {}

    /// What suits the loaders that a rack has.
    ///
    /// - Parameter available: The names of the loaders' files. MAAS's stream has no GRUB of ours, and its signed GRUB speaks HTTP.
    public init(available: some Collection<String>) {
        let names = Set(available)
        func first(of choices: [String], else usual: String) -> String { choices.first { names.contains($0) } ?? usual }
        self.bios = first(of: ["lpxelinux.0", "undionly.kpxe", "pxelinux.0"], else: self.bios)
        self.efiX64 = first(of: ["bootx64.efi", "snponly.efi", "ipxe.efi"], else: self.efiX64)
        self.httpX64 = "/images/" + first(of: ["grubhttpx64.efi", "bootx64.efi", "ipxe.efi"], else: "grubhttpx64.efi")
        self.httpARM64 = "/images/" + first(of: ["grubhttpaa64.efi", "bootaa64.efi"], else: "grubhttpaa64.efi")
    }
}
