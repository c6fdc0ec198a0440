// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// The command line of one machine's QEMU.
struct QEMUCommand {
    var machine: LabMachine
    var files: LabMachineFiles

    /// Stands for the network card's place in the boot order until the machine starts.
    static let networkBootIndex = "@NETWORK@"
    /// The fastest that QEMU emulates of those that were tried, with what today's systems expect.
    static let processor = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand"
    /// The QOM path of the network card, for changes of the boot order.
    static let networkDevice = "net0"

    /// OVMF's code, and the variables of a machine that was never started: none for a BIOS.
    static func firmwareImages(_ firmware: LabFirmware) -> (code: String, variables: String)? {
        switch firmware {
        case .biosIPXE: nil
        case .uefi, .uefiHTTP: ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd")
        case .uefiSecureBoot: ("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
        }
    }

    var arguments: [String] {
        [
            "qemu-system-x86_64", "-name", self.machine.name,
            // Never KVM: where /dev/kvm exists without hardware support, machines start and then crawl.
            "-accel", "tcg,thread=multi,tb-size=256", "-cpu", Self.processor,
            "-m", "\(self.machine.memoryMiB)", "-smp", "\(self.machine.cpus)", "-uuid", self.machine.uuid,
            "-display", "none", "-vga", "none", "-rtc", "base=utc",
            "-smbios",
            "type=1,manufacturer=Gantry,product=Lab machine,serial=LAB-\(self.machine.name),uuid=\(self.machine.uuid)",
            "-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0",
            "-monitor", "tcp:127.0.0.1:\(self.files.monitorPort),server=on,wait=off",
            "-chardev",
            "socket,id=console,host=127.0.0.1,port=\(self.files.consolePort),server=on,wait=off,telnet=on,"
                + "logfile=\(self.files.serialLog),logappend=on",
            "-serial", "chardev:console",
            "-chardev", "socket,id=ipmi0,host=127.0.0.1,port=\(self.files.systemInterfacePort),reconnect=1",
            "-device", "ipmi-bmc-extern,chardev=ipmi0,id=bmc0", "-device", "isa-ipmi-kcs,bmc=bmc0,irq=5",
        ] + Self.firmwareArguments(self.machine.firmware, variables: self.files.firmwareVariables) + self.networkArguments + self.diskArguments
    }

    /// What makes a machine of a firmware, whose variables are kept in a file.
    static func firmwareArguments(_ firmware: LabFirmware, variables: String) -> [String] {
        // Without graphics SeaBIOS and iPXE speak on the serial line.
        guard let images = Self.firmwareImages(firmware) else { return ["-machine", "q35,graphics=off"] }
        var arguments = [
            "-machine", firmware == .uefiSecureBoot ? "q35,smm=on" : "q35",
            "-drive", "if=pflash,format=raw,unit=0,readonly=on,file=\(images.code)",
            "-drive", "if=pflash,format=raw,unit=1,file=\(variables)",
            // PXE over IPv6 would wait minutes for nobody, between the disk's turn and the network's.
            "-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=no",
        ]
        switch firmware {
        case .biosIPXE, .uefi: break
        case .uefiHTTP:
            arguments += ["-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=no", "-fw_cfg", "name=opt/org.tianocore/IPv6Support,string=no"]
        case .uefiSecureBoot:
            // What guards the variables from the operating system, and what it needs.
            arguments += [
                "-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1",
            ]
        }
        return arguments
    }

    private var networkArguments: [String] {
        let device =
            "virtio-net-pci,id=\(Self.networkDevice),netdev=network,mac=\(self.machine.macAddress),bootindex=\(Self.networkBootIndex)"
        return [
            "-netdev", "tap,id=network,ifname=\(self.files.tap),script=no,downscript=no",
            // An empty ROM leaves PXE to the firmware's own client.
            "-device", self.machine.firmware == .biosIPXE ? device : device + ",romfile=",
        ]
    }

    private var diskArguments: [String] {
        (0..<self.machine.diskCount).flatMap { number in
            [
                "-drive", "if=none,id=disk\(number),file=\(self.files.disk(number)),format=qcow2,cache=unsafe,discard=unmap",
                "-device", "virtio-blk-pci,drive=disk\(number),serial=\(self.machine.name)-d\(number),bootindex=\(2 + number)",
            ]
        }
    }

    /// A shell script that becomes QEMU; its first argument is the network card's place in the boot order.
    var script: String {
        let words = self.arguments.map { argument in
            argument.split(separator: Self.networkBootIndex, omittingEmptySubsequences: false).map { Self.quoted(String($0)) }
                .joined(separator: "\"$1\"")
        }
        return "#!/bin/bash\nexec " + words.joined(separator: " \\\n    ") + "\n"
    }

    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
