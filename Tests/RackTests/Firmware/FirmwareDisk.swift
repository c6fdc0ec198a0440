// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

/// A disk with what an installed system starts with: a boot sector for a BIOS; for UEFI shim and the signed GRUB in a FAT file system, and the kernel.
enum FirmwareDisk {
    static let bootSectorText = "GANTRY-BOOT-SECTOR"
    /// On the kernel's command line.
    static let word = "gantry.from=disk"

    static func make(_ path: String, _ payload: FirmwarePayload, forBIOS: Bool) async throws {
        if forBIOS { return try DirectoryContent.write(Self.bootSector + [UInt8](repeating: 0, count: 1 << 20), to: path) }
        func file(_ digest: String?) throws -> String {
            guard let file = digest.flatMap({ payload.path(ofDigest: $0) }) else { throw FixtureError("the images lack a loader") }
            return file
        }
        let configuration = """
            search --no-floppy --set=root --file /vmlinuz
            linux /vmlinuz console=ttyS0 \(Self.word)
            initrd /initrd
            boot

            """
        // The network's signed GRUB, because it is at hand; on a disk it reads /grub/grub.cfg there.
        let script = """
            set -e; export MTOOLS_SKIP_CHECK=1
            mformat -C -F -T 262144 -i "$1" ::
            mmd -i "$1" ::/EFI ::/EFI/debian ::/grub
            mcopy -i "$1" "$2" ::/EFI/debian/shimx64.efi
            mcopy -i "$1" "$3" ::/EFI/debian/grubx64.efi
            mcopy -i "$1" "$4" ::/vmlinuz
            mcopy -i "$1" "$5" ::/initrd
            printf %s "$6" | mcopy -i "$1" - ::/grub/grub.cfg
            """
        let made = try await execute(
            "bash",
            [
                "-c", script, "disk", path, try file(payload.loaders["bootx64.efi"]), try file(payload.loaders["grubx64.efi"]),
                try file(payload.image.kernel), try file(payload.image.initrd), configuration,
            ])
        guard made.error.isEmpty else { throw FixtureError("the disk cannot be made: \(made.error)") }
    }

    /// Prints the text by the BIOS, and stays.
    private static var bootSector: [UInt8] {
        let program: [UInt8] = [
            0x31, 0xC0,  // xor ax, ax
            0x8E, 0xD8,  // mov ds, ax
            0xBE, 0x14, 0x7C,  // mov si, text
            0xAC,  // next: lodsb
            0x84, 0xC0,  // test al, al
            0x74, 0x06,  // jz end
            0xB4, 0x0E,  // mov ah, 0x0E
            0xCD, 0x10,  // int 0x10
            0xEB, 0xF5,  // jmp next
            0xEB, 0xFE,  // end: jmp end
        ]
        let text = program + Array(Self.bootSectorText.utf8)
        return text + [UInt8](repeating: 0, count: 510 - text.count) + [0x55, 0xAA]
    }
}
