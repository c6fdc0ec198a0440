// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import Domain
import Testing

@Suite struct LoaderConfigurationTests {
    static let ephemeral: [BootPurpose] = [.enlist, .commissioning, .xinstall, .poweroff]
    static let kernel = "images/\(Samples.image.kernel)/boot-kernel"
    static let initrd = "images/\(Samples.image.initrd)/boot-initrd"

    @Test func `pxelinux gets its command line as it is, and adds BOOTIF itself`() throws {
        let text = try PXELinuxConfiguration.text(
            for: Samples.intent(options: ["a=\"b c\""]), environment: Samples.environment, transport: .http)
        #expect(
            text == """
                DEFAULT gantry
                PROMPT 0
                TIMEOUT 50
                LABEL gantry
                  SAY Gantry: commissioning
                  LINUX http://10.99.0.1:5248/\(Self.kernel)
                  INITRD http://10.99.0.1:5248/\(Self.initrd)
                  APPEND \(Samples.words) a="b c"
                  IPAPPEND 2

                """)
        let tftp = try PXELinuxConfiguration.text(for: Samples.intent(), environment: Samples.environment, transport: .tftp)
        #expect(tftp.contains("  LINUX \(Self.kernel)\n  INITRD \(Self.initrd)\n"))
        let local = try PXELinuxConfiguration.text(
            for: Samples.intent(.local, image: nil), environment: Samples.environment, transport: .tftp)
        #expect(local.contains("LOCALBOOT 0"))
    }

    @Test func `GRUB gets every word in quotes`() throws {
        let text = try GRUBConfiguration.text(
            for: Samples.intent(options: ["a=\"b c\"", "it's=$x"]), macAddress: Samples.mac, environment: Samples.environment)
        #expect(text.contains("set gantry_bootif=BOOTIF=01-52-54-00-ab-cd-ef\n"))
        #expect(text.contains("'cc:{datasource_list:[MAAS]}end_cc' "))
        #expect(text.contains("'cloud-config-url=http://10.99.0.1:5248/MAAS/metadata/latest/by-id/abc346/?op=get_preseed' \"$gantry_bootif\""))
        #expect(text.contains(" 'a=b c' 'it'\\''s=$x'; then set gantry_kernel=loaded; fi"))
        #expect(text.contains("if [ \"$lockdown\" != y ]; then"))
        #expect(text.contains("(http,10.99.0.1:5248) (tftp,10.99.0.1)"))
    }

    @Test func `GRUB finds the address of an unknown machine itself`() throws {
        let text = try GRUBConfiguration.text(for: Samples.intent(.enlist), macAddress: nil, environment: Samples.environment)
        #expect(text.contains("set gantry_bootif=\"BOOTIF=01-$net_default_mac\"\n"))
        #expect(text.contains("\"BOOTIF=01-${gantry_m1}-${gantry_m2}-${gantry_m3}-${gantry_m4}-${gantry_m5}-${gantry_m6}\""))
    }

    @Test func `GRUB goes on from the machine's configuration to the default, and to the disk's own loader`() {
        let dispatcher = GRUBConfiguration.dispatcher()
        #expect(dispatcher.contains("configfile $prefix/grub.cfg-$net_default_mac\nconfigfile $prefix/grub.cfg-default-$gantry_arch\n"))
        let local = GRUBConfiguration.localBoot()
        for path in ["/EFI/debian/shimx64.efi", "/EFI/ubuntu/shimx64.efi", "/EFI/BOOT/BOOTX64.EFI", "/EFI/debian/shimaa64.efi"] {
            #expect(local.contains("  if search --no-floppy --set=root --file \(path); then chainloader \(path); boot; fi\n"))
        }
    }

    @Test func `iPXE gets a script that never ends in nothing`() throws {
        let text = try IPXEScript.text(for: Samples.intent(options: ["quiet"]), macAddress: Samples.mac, environment: Samples.environment)
        #expect(
            text == """
                #!ipxe
                echo Gantry: commissioning
                kernel http://10.99.0.1:5248/\(Self.kernel) initrd=boot-initrd \(Samples.words) BOOTIF=01-52-54-00-ab-cd-ef quiet || goto failed
                initrd --name boot-initrd http://10.99.0.1:5248/\(Self.initrd) || goto failed
                boot || goto failed
                :failed
                echo Gantry: the files could not be loaded; trying again.
                sleep 5
                imgfree
                chain --replace http://10.99.0.1:5248/ipxe.cfg || goto failed

                """)
        let unknown = try IPXEScript.text(for: Samples.intent(.enlist), macAddress: nil, environment: Samples.environment)
        #expect(unknown.contains(" BOOTIF=01-${netX/mac:hexhyp} "))
        let local = IPXEScript.localBoot(environment: Samples.environment)
        #expect(local.contains("chain tftp://10.99.0.1/grubx64.efi") && local.contains("\nexit\n"))
        #expect(IPXEScript.dispatcher(environment: Samples.environment).contains("/ipxe.cfg-${gantry-mac} && goto run ||"))
    }

    @Test(arguments: ephemeral) func `every purpose but local boots the ephemeral OS`(purpose: BootPurpose) throws {
        let intent = Samples.intent(purpose)
        #expect(
            try PXELinuxConfiguration.text(for: intent, environment: Samples.environment, transport: .http).contains(Self.kernel))
        #expect(try GRUBConfiguration.text(for: intent, macAddress: nil, environment: Samples.environment).contains(Self.kernel))
        #expect(try IPXEScript.text(for: intent, macAddress: nil, environment: Samples.environment).contains(Self.kernel))
    }

    @Test func `a refusal says why without repeating what the user wrote`() {
        let error = BootConfigurationError.controlCharacter(option: 3)
        for text in [PXELinuxConfiguration.refusal(error), GRUBConfiguration.refusal(error), IPXEScript.refusal(error)] {
            #expect(text.contains("kernel option 3 has a line break"))
        }
    }
}
