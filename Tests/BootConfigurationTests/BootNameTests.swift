// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import Domain
import Testing

@Suite struct BootNameTests {
    @Test(arguments: [
        ("/grubx64.efi", "grubx64.efi"), ("//grubx64.efi", "grubx64.efi"), ("\\grub\\grub.cfg", "grub/grub.cfg"),
        ("grub//x86_64-efi/./http.mod", "grub/x86_64-efi/http.mod"), ("boot/ipxe.cfg", "ipxe.cfg"), ("/boot//images/x", "images/x"),
        ("boot", "boot"), ("EFI/BOOT/A", "EFI/BOOT/A"), ("a/", "a"),
    ]) func `names have one form`(written: String, normalised: String) {
        #expect(BootPath.normalised(written) == normalised)
    }

    @Test(arguments: ["", "/", "//", "..", "../x", "a/../b", "a\\..\\b", "a/..", "boot/../../x", "a\nb", "a\0b", String(repeating: "a", count: 513)])
    func `names that leave the tree or are none are refused`(name: String) {
        #expect(BootPath.normalised(name) == nil)
    }

    @Test func `percent signs are decoded once`() {
        #expect(BootPath.decoded(target: "/a%20b%2Fc?x=%zz") == "/a b/c")
        #expect(BootPath.decoded(target: "/grub.cfg-52%3A54%3a00:ab:cd:ef#f") == "/grub.cfg-52:54:00:ab:cd:ef")
        #expect(BootPath.decoded(target: "/%252e%252e/x") == "/%2e%2e/x")
        for target in ["/%", "/%4", "/%g0", "/%ff", "/%c3%28"] { #expect(BootPath.decoded(target: target) == nil, "\(target)") }
        #expect(BootPath.decoded(target: "/%2e%2e/x").flatMap(BootPath.normalised) == nil)
    }

    @Test(arguments: [
        ("pxelinux.cfg/01-52-54-00-ab-cd-ef", BootName.pxelinux(Samples.mac)), ("pxelinux.cfg/01-52-54-00-AB-CD-EF", .pxelinux(Samples.mac)),
        ("pxelinux.cfg/default", .pxelinuxDefault(architecture: "amd64")),
        ("pxelinux.cfg/default.arm64-generic", .pxelinuxDefault(architecture: "arm64")),
        ("pxelinux.cfg/0A630001", .file("pxelinux.cfg/0A630001")), ("grub/grub.cfg", .grubDispatcher),
        ("grub/grub.cfg-52:54:00:ab:cd:ef", .grub(Samples.mac)), ("grub/grub.cfg-52-54-00-ab-cd-ef", .grub(Samples.mac)),
        ("grub/grub.cfg-default-amd64", .grubDefault(architecture: "amd64")), ("grub/grub.cfg-", .file("grub/grub.cfg-")),
        ("ipxe.cfg", .ipxeDispatcher), ("ipxe.cfg-52-54-00-ab-cd-ef", .ipxe(Samples.mac)),
        ("ipxe.cfg-default-x86_64", .ipxeDefault(architecture: "amd64")), ("ipxe.cfg-", .file("ipxe.cfg-")),
        ("images/\(Samples.image.kernel)/boot-kernel", .content(digest: Samples.image.kernel)),
        ("images/\(Samples.image.kernel)", .content(digest: Samples.image.kernel)), ("images/bootx64.efi", .file("bootx64.efi")),
        ("images/AAAA/x", .file("AAAA/x")), ("lpxelinux.0", .file("lpxelinux.0")),
    ]) func `each name means one thing`(path: String, name: BootName) {
        #expect(BootName(path: path) == name)
    }
}
