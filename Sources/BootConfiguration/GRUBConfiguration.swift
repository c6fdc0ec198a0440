// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Configurations for GRUB 2 that was started over the network under UEFI.
public enum GRUBConfiguration {
    /// Where systems on a local disk keep their loader, in the order of preference. The shims come first: under Secure Boot nothing else starts.
    static let localLoaders: [(cpu: String, paths: [String])] = [
        (
            "x86_64",
            ["debian", "ubuntu", "redhat", "centos", "rocky", "almalinux", "fedora"].map { "/EFI/\($0)/shimx64.efi" }
                + ["/EFI/opensuse/shim.efi", "/EFI/sles/shim.efi", "/EFI/debian/grubx64.efi", "/EFI/ubuntu/grubx64.efi"]
                + ["/EFI/Microsoft/Boot/bootmgfw.efi", "/EFI/BOOT/BOOTX64.EFI"]
        ),
        (
            "arm64",
            ["debian", "ubuntu", "redhat", "centos", "rocky", "almalinux", "fedora"].map { "/EFI/\($0)/shimaa64.efi" }
                + ["/EFI/debian/grubaa64.efi", "/EFI/ubuntu/grubaa64.efi", "/EFI/BOOT/BOOTAA64.EFI"]
        ),
    ]

    /// `grub/grub.cfg`: the machine's own configuration, or the one of unknown machines when there is none.
    ///
    /// A machine's own configuration never comes back here, so that a known machine whose kernel cannot be loaded does not enlist again.
    public static func dispatcher() -> String {
        """
        set timeout=0
        if [ "$grub_cpu" = arm64 ]; then set gantry_arch=arm64; else set gantry_arch=amd64; fi
        configfile $prefix/grub.cfg-$net_default_mac
        configfile $prefix/grub.cfg-default-$gantry_arch
        echo 'Gantry has no boot configuration for this machine.'
        sleep 5
        exit

        """
    }

    /// The configuration for one intent.
    ///
    /// - Parameter macAddress: The boot interface; nil for unknown machines, where GRUB finds it out.
    ///
    /// Under Secure Boot GRUB may not load its HTTP module, so the kernel comes by TFTP; `insmod` would report success all the same.
    /// A kernel that was loaded is not loaded again when its initrd fails: GRUB 2.06 hangs in starting the second one.
    public static func text(
        for intent: BootIntent, macAddress: MACAddress?, environment: BootEnvironment
    ) throws(BootConfigurationError) -> String {
        guard intent.purpose.bootsEphemeral else { return Self.localBoot() }
        let files = try BootFiles(intent: intent)
        let line = try KernelCommandLine(intent: intent, environment: environment, loader: .grub)
        let words = line.ownWords.map(Self.quoted) + ["\"$gantry_bootif\""] + line.optionWords.map { Self.quoted(Self.unquoted($0)) }
        let http = "(http,\(environment.serviceAddress.urlHost):\(environment.httpPort))"
        let tftp = "(tftp,\(environment.serviceAddress.urlHost))"
        return """
            set timeout=0
            echo 'Gantry: \(intent.purpose.rawValue)'
            \(Self.bootInterface(macAddress))
            set gantry_sources='\(tftp)'
            if [ "$lockdown" != y ]; then
              if insmod http; then set gantry_sources='\(http) \(tftp)'; fi
            fi
            for gantry_attempt in 1 2 3 4 5; do
              for gantry_source in $gantry_sources; do
                echo "Loading from $gantry_source ..."
                if [ "$gantry_kernel" != loaded ]; then
                  if linux $gantry_source/\(files.kernel) \(words.joined(separator: " ")); then set gantry_kernel=loaded; fi
                fi
                if [ "$gantry_kernel" = loaded ]; then
                  if initrd $gantry_source/\(files.initrd); then boot; fi
                fi
              done
              echo 'Gantry: the files could not be loaded; trying again.'
              sleep 5
            done
            reboot

            """
    }

    /// Starts the loader of a system on a local disk; when there is none, the firmware goes on.
    public static func localBoot() -> String {
        var text = "set timeout=0\necho 'Gantry: local disk'\ninsmod part_gpt\ninsmod part_msdos\ninsmod fat\ninsmod chain\n"
        for (cpu, paths) in Self.localLoaders {
            text += "if [ \"$grub_cpu\" = \(cpu) ]; then\n"
            for path in paths {
                text += "  if search --no-floppy --set=root --file \(path); then chainloader \(path); boot; fi\n"
            }
            text += "fi\n"
        }
        return text + "echo 'Gantry found no boot loader on a local disk.'\nsleep 5\nexit\n"
    }

    /// Shows why there is no configuration and starts over after a minute.
    public static func refusal(_ error: BootConfigurationError) -> String {
        """
        set timeout=0
        echo 'Gantry cannot boot this machine: \(error)'
        sleep 60
        reboot

        """
    }

    /// Sets `gantry_bootif`. GRUB knows the address of the interface with colons only.
    private static func bootInterface(_ macAddress: MACAddress?) -> String {
        if let macAddress { return "set gantry_bootif=\(KernelCommandLine.bootInterface(macAddress))" }
        let octet = "([0-9A-Fa-f]*)"
        let pattern = Array(repeating: octet, count: 6).joined(separator: ":")
        let sets = (1...6).map { "--set=\($0):gantry_m\($0)" }.joined(separator: " ")
        let joined = (1...6).map { "${gantry_m\($0)}" }.joined(separator: "-")
        // live-boot understands colons as well, should the module be missing.
        return """
            set gantry_bootif="BOOTIF=01-$net_default_mac"
            if regexp \(sets) '\(pattern)' "$net_default_mac"; then
              set gantry_bootif="BOOTIF=01-\(joined)"
            fi
            """
    }

    /// A word in single quotes, which GRUB's language takes literally.
    static func quoted(_ word: String) -> String {
        "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    /// Without double quotes: GRUB puts them around words that have blanks, and a backslash before any that it is given.
    static func unquoted(_ word: String) -> String {
        String(decoding: word.utf8.filter { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
    }
}
