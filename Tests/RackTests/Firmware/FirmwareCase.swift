// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import FoundationEssentials
import Lab
import Rack
import Testing

/// One way from a firmware to a kernel.
struct FirmwareCase: Sendable, CustomTestStringConvertible {
    enum Machine: Sendable {
        case amd64(LabFirmware)
        /// EDK II on QEMU's `virt` machine; by PXE, or by HTTP alone.
        case arm64(byHTTP: Bool)
    }

    /// What ends the case well.
    enum End: Sendable {
        /// The initramfs of the ephemeral kernel has said so.
        case kernel
        /// The same kernel, started from the machine's disk.
        case disk
        /// A text on the serial line.
        case text(String)
    }

    var name: String
    var machine: Machine
    /// Whether the machine is an installed one, which the rack sends to its disk. Others are unknown, and enlist.
    var isInstalled = false
    /// QEMU's name of the network card.
    var card = "virtio-net-pci"
    /// QEMU's cards bring iPXE; without a ROM the firmware's own client boots.
    var hasROM = false
    /// Changes what is sent first. QEMU's only BIOS PXE is iPXE: what it is sent instead of a script is what another ROM would get.
    var change: @Sendable (inout DHCPBootFiles) -> Void = { _ in }
    /// Whether the first file is another iPXE, which must get its script and not its own file again.
    var chainsIPXE = false
    /// What is loaded, in this order, among other files: transport and the end of the name.
    var transfers: [String]
    var end = End.kernel
    /// More that the serial line must show.
    var shows: [String] = []

    var testDescription: String { self.name }

    /// Few enough for every run of the tests; the others are for `tools/firmware --all`.
    static let quick = ["bios-ipxe", "uefi-shim-grub", "secure-boot"]

    /// The cases that GANTRY_FIRMWARE names, or the quick ones.
    static var chosen: [FirmwareCase] {
        let names = ProcessInfo.processInfo.environment["GANTRY_FIRMWARE"]?.split(separator: " ").map(String.init) ?? Self.quick
        return Self.all.filter { names.contains($0.name) || names == ["all"] }
    }
}

extension FirmwareCase {
    static let all: [FirmwareCase] = Self.bios + Self.uefi + Self.http + Self.secureBoot + Self.disk + Self.arm64

    private static let kernelByHTTP = ["HTTP boot-kernel", "HTTP boot-initrd"]
    private static let script = ["HTTP ipxe.cfg", "HTTP ipxe.cfg-default-x86_64"] + Self.kernelByHTTP
    private static let grub = ["grub/grub.cfg", "grub/grub.cfg-default-amd64"]

    private static let bios: [FirmwareCase] = [
        FirmwareCase(
            name: "bios-ipxe", machine: .amd64(.biosIPXE), hasROM: true,
            transfers: ["HTTP ipxe.cfg", "HTTP ipxe.cfg-default-i386"] + Self.kernelByHTTP),
        FirmwareCase(
            name: "bios-pxelinux", machine: .amd64(.biosIPXE), card: "rtl8139", hasROM: true, change: { $0.ipxe = "pxelinux.0" },
            transfers: ["TFTP pxelinux.0", "TFTP ldlinux.c32", "TFTP pxelinux.cfg/default", "TFTP boot-kernel", "TFTP boot-initrd"]),
        FirmwareCase(
            name: "bios-lpxelinux", machine: .amd64(.biosIPXE), card: "e1000e", hasROM: true, change: { $0.ipxe = "lpxelinux.0" },
            transfers: ["TFTP lpxelinux.0", "HTTP ldlinux.c32", "HTTP pxelinux.cfg/default"] + Self.kernelByHTTP),
        FirmwareCase(
            name: "bios-undionly", machine: .amd64(.biosIPXE), card: "e1000", hasROM: true, change: { $0.ipxe = "undionly.kpxe" }, chainsIPXE: true,
            transfers: ["TFTP undionly.kpxe", "HTTP ipxe.cfg", "HTTP ipxe.cfg-default-i386"] + Self.kernelByHTTP),
    ]

    private static let uefi: [FirmwareCase] = [
        FirmwareCase(
            name: "uefi-shim-grub", machine: .amd64(.uefi),
            transfers: Self.shim + Self.grub.map { "TFTP " + $0 } + Self.kernelByHTTP),
        FirmwareCase(
            name: "uefi-ipxe", machine: .amd64(.uefi), change: { $0.efiX64 = "ipxe.efi" }, transfers: ["TFTP ipxe.efi"] + Self.script),
        FirmwareCase(
            name: "uefi-snponly", machine: .amd64(.uefi), change: { $0.efiX64 = "snponly.efi" }, transfers: ["TFTP snponly.efi"] + Self.script),
        FirmwareCase(name: "uefi-ipxe-rom", machine: .amd64(.uefi), card: "e1000", hasROM: true, transfers: Self.script),
    ]

    private static let http: [FirmwareCase] = [
        FirmwareCase(
            name: "uefi-http-grub", machine: .amd64(.uefiHTTP),
            transfers: ["HTTP images/grubhttpx64.efi"] + Self.grub.map { "HTTP " + $0 } + Self.kernelByHTTP),
        FirmwareCase(
            name: "uefi-http-ipxe", machine: .amd64(.uefiHTTP), change: { $0.httpX64 = "/images/ipxe.efi" },
            transfers: ["HTTP images/ipxe.efi"] + Self.script),
    ]

    private static let secureBoot: [FirmwareCase] = [
        FirmwareCase(
            name: "secure-boot", machine: .amd64(.uefiSecureBoot),
            transfers: Self.shim + Self.grub.map { "TFTP " + $0 } + ["TFTP boot-kernel", "TFTP boot-initrd"],
            shows: ["Secure boot enabled", "Kernel is locked down from EFI Secure Boot"]),
        FirmwareCase(
            name: "secure-boot-refuses-ipxe", machine: .amd64(.uefiSecureBoot), change: { $0.efiX64 = "ipxe.efi" }, transfers: ["TFTP ipxe.efi"],
            end: .text("Access Denied")),
    ]

    private static let ownGRUB = ["grub/grub.cfg", "grub/grub.cfg-\(FirmwareRack.macAddress)"]
    private static let shim = ["TFTP bootx64.efi", "TFTP grubx64.efi"]

    /// The disk has the loader of a UEFI system behind a shim, and a boot sector.
    private static let disk: [FirmwareCase] = [
        FirmwareCase(
            name: "bios-ipxe-disk", machine: .amd64(.biosIPXE), isInstalled: true, hasROM: true,
            transfers: ["HTTP ipxe.cfg", "HTTP ipxe.cfg-\(FirmwareRack.macAddress.dashed)"], end: .text(FirmwareDisk.bootSectorText)),
        FirmwareCase(
            name: "bios-lpxelinux-disk", machine: .amd64(.biosIPXE), isInstalled: true, hasROM: true, change: { $0.ipxe = "lpxelinux.0" },
            transfers: ["TFTP lpxelinux.0", "HTTP pxelinux.cfg/01-\(FirmwareRack.macAddress.dashed)"], end: .text(FirmwareDisk.bootSectorText)),
        FirmwareCase(
            name: "uefi-disk", machine: .amd64(.uefi), isInstalled: true, transfers: Self.shim + Self.ownGRUB.map { "TFTP " + $0 }, end: .disk),
        FirmwareCase(
            name: "uefi-ipxe-disk", machine: .amd64(.uefi), isInstalled: true, change: { $0.efiX64 = "snponly.efi" },
            transfers: ["TFTP snponly.efi", "HTTP ipxe.cfg-\(FirmwareRack.macAddress.dashed)", "TFTP grubx64.efi"]
                + Self.ownGRUB.map { "TFTP " + $0 }, end: .disk),
        FirmwareCase(
            name: "uefi-http-disk", machine: .amd64(.uefiHTTP), isInstalled: true,
            transfers: ["HTTP images/grubhttpx64.efi"] + Self.ownGRUB.map { "HTTP " + $0 }, end: .disk),
        FirmwareCase(
            name: "secure-boot-disk", machine: .amd64(.uefiSecureBoot), isInstalled: true,
            transfers: Self.shim + Self.ownGRUB.map { "TFTP " + $0 }, end: .disk, shows: ["Secure boot enabled"]),
    ]

    private static let arm64: [FirmwareCase] = [
        FirmwareCase(
            name: "arm64-shim-grub", machine: .arm64(byHTTP: false),
            transfers: ["TFTP bootaa64.efi", "TFTP grubaa64.efi", "TFTP grub/grub.cfg", "TFTP grub/grub.cfg-default-arm64"] + Self.kernelByHTTP),
        FirmwareCase(
            name: "arm64-http-grub", machine: .arm64(byHTTP: true),
            transfers: ["HTTP images/grubhttpaa64.efi", "HTTP grub/grub.cfg", "HTTP grub/grub.cfg-default-arm64"] + Self.kernelByHTTP),
    ]
}
