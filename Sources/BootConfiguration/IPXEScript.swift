// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Scripts for iPXE.
public enum IPXEScript {
    /// `ipxe.cfg`: the machine's own script, or the one of unknown machines when there is none.
    ///
    /// `netX` is the interface that booted; iPXE of before 2014 does not have it. Fetching comes before running, so that a script that fails is not followed by the other one.
    public static func dispatcher(environment: BootEnvironment) -> String {
        let base = environment.httpBase
        return """
            #!ipxe
            isset ${netX/mac} && set gantry-mac ${netX/mac:hexhyp} || set gantry-mac ${net0/mac:hexhyp}
            imgfetch --name gantry.ipxe \(base)/ipxe.cfg-${gantry-mac} && goto run ||
            imgfetch --name gantry.ipxe \(base)/ipxe.cfg-default-${buildarch} && goto run ||
            echo Gantry has no boot configuration for this machine.
            sleep 5
            exit 1
            :run
            imgexec gantry.ipxe || exit 1

            """
    }

    /// The script for one intent.
    ///
    /// - Parameter macAddress: The boot interface; nil for unknown machines, where iPXE fills it in.
    ///
    /// What fails is tried again for ever, from the configuration on.
    public static func text(
        for intent: BootIntent, macAddress: MACAddress?, environment: BootEnvironment
    ) throws(BootConfigurationError) -> String {
        guard intent.purpose.bootsEphemeral else { return Self.localBoot(environment: environment) }
        let files = try BootFiles(intent: intent)
        let line = try KernelCommandLine(intent: intent, environment: environment, loader: .ipxe)
        let bootInterface = macAddress.map(KernelCommandLine.bootInterface) ?? "BOOTIF=01-${netX/mac:hexhyp}"
        let arguments = (["initrd=boot-initrd"] + line.ownWords + [bootInterface] + line.optionWords).joined(separator: " ")
        return """
            #!ipxe
            echo Gantry: \(intent.purpose.rawValue)
            kernel \(environment.httpBase)/\(files.kernel) \(arguments) || goto failed
            initrd --name boot-initrd \(environment.httpBase)/\(files.initrd) || goto failed
            boot || goto failed
            :failed
            echo Gantry: the files could not be loaded; trying again.
            sleep 5
            imgfree
            chain --replace \(environment.httpBase)/ipxe.cfg || goto failed

            """
    }

    /// Boots the local disk. Under BIOS the firmware goes on with the next device. Under UEFI `exit` would end in the firmware's menu,
    /// so GRUB is loaded, which finds the disk's loader by its own configuration.
    public static func localBoot(environment: BootEnvironment) -> String {
        """
        #!ipxe
        echo Gantry: local disk
        iseq ${platform} efi && goto efi ||
        exit
        :efi
        iseq ${buildarch} arm64 && goto arm64 ||
        chain tftp://\(environment.serviceAddress.urlHost)/grubx64.efi || goto none
        goto none
        :arm64
        chain tftp://\(environment.serviceAddress.urlHost)/grubaa64.efi || goto none
        :none
        exit 1

        """
    }

    /// Shows why there is no configuration and starts over after a minute.
    public static func refusal(_ error: BootConfigurationError) -> String {
        """
        #!ipxe
        echo Gantry cannot boot this machine: \(error)
        sleep 60
        reboot

        """
    }
}
