// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import Domain
import Testing

enum Samples {
    static let environment = BootEnvironment(serviceAddress: .v4(IPv4Address(rawValue: 0x0A63_0001)), httpPort: 5248)
    static let mac = MACAddress(rawValue: 0x5254_00AB_CDEF)
    static let image = EphemeralImage(
        kernel: String(repeating: "a", count: 64), initrd: String(repeating: "b", count: 64), squashfs: String(repeating: "c", count: 64))

    static func intent(
        _ purpose: BootPurpose = .commissioning, options: [String] = [], hostname: String = "node-1.maas",
        preseed: String = "metadata/latest/by-id/abc346/?op=get_preseed", image: EphemeralImage? = Samples.image
    ) -> BootIntent {
        BootIntent(
            macAddresses: [Self.mac], systemID: SystemID("abc346"), hostname: hostname, purpose: purpose, image: image, kernelOptions: options,
            preseedPath: preseed)
    }

    /// The command line of the intent, before quoting.
    static let words =
        "nomodeset root=squash:http://10.99.0.1:5248/images/\(Samples.image.squashfs)/squashfs ip=::::node-1:BOOTIF:dhcp ip6=off ro"
        + " overlayroot=tmpfs overlayroot_cfgdisk=disabled console=tty0 console=ttyS0 cc:{datasource_list:[MAAS]}end_cc"
        + " cloud-config-url=http://10.99.0.1:5248/MAAS/metadata/latest/by-id/abc346/?op=get_preseed"
}
