// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
public import JSON

/// Compiles what a machine has to look like into explicit steps for the agent in the ephemeral OS (`docs/install-plan.md`). Pure:
/// equal requests give equal plans.
public enum InstallationPlanner {
    /// The plan for the flat layout: one GPT with a BIOS boot partition, an EFI system partition and the root, so that one disk boots by
    /// either firmware.
    ///
    /// - Throws: `InstallationError` when the machine has no disk that the image fits on.
    public static func plan(_ request: InstallationRequest) throws(InstallationError) -> JSONValue {
        let machine = request.machine
        guard let disk = machine.bootDisk else {
            throw InstallationError("\(machine.hostname) has no disk; commission it again, or deploy to memory")
        }
        guard disk.sizeBytes >= Self.minimumDiskBytes else {
            throw InstallationError("\(disk.name) has \(disk.sizeBytes) bytes; an installation needs \(Self.minimumDiskBytes)")
        }
        guard machine.generation > 0 else { throw InstallationError("\(machine.hostname) is not being deployed") }
        let steps = Self.diskSteps(disk) + Self.imageSteps(request, disk) + Self.bootSteps(request, disk) + Self.endSteps
        return ["version": 1, "generation": .int(machine.generation), "target": "/mnt/target", "steps": .array(steps)]
    }

    /// 2 GiB: the smallest image unpacked, with its boot partitions and room to start.
    private static let minimumDiskBytes = 2 << 30

    /// Which disk, by what does not change: its serial number, else its path below /dev/disk, else the kernel's name.
    static func reference(_ disk: BlockDevice) -> JSONObject {
        if !disk.serial.isEmpty { return ["serial": .string(disk.serial)] }
        if !disk.idPath.isEmpty { return ["id_path": .string(disk.idPath)] }
        return ["path": .string("/dev/\(disk.name)")]
    }

    private static func partition(_ disk: BlockDevice, _ number: Int) -> JSONValue {
        .object(Self.reference(disk).merging(["partition": .int(number)]))
    }

    static func step(_ id: String, _ kind: String, _ title: String, _ arguments: JSONObject = [:]) -> JSONValue {
        .object(JSONObject([("id", .string(id)), ("kind", .string(kind)), ("title", .string(title))]).merging(arguments))
    }

    private static func diskSteps(_ disk: BlockDevice) -> [JSONValue] {
        let reference = JSONValue.object(Self.reference(disk))
        let partitions: JSONValue = [
            ["number": 1, "size_bytes": 1_048_576, "type_guid": "21686148-6449-6E6F-744E-656564454649", "name": "bios"],
            ["number": 2, "size_bytes": 268_435_456, "type_guid": "C12A7328-F81F-11D2-BA4B-00C04FC93EC9", "name": "efi"],
            ["number": 3, "rest": true, "type_guid": "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "name": "root"],
        ]
        return [
            Self.step("wipe-\(disk.name)", "wipe_signatures", "Clearing \(disk.name)", ["disk": reference]),
            Self.step(
                "partition-\(disk.name)", "partition_table", "Partitioning \(disk.name)",
                ["disk": reference, "label": "gpt", "partitions": partitions]
            ),
            Self.step(
                "format-root", "format", "Formatting the root file system",
                ["device": Self.partition(disk, 3), "fstype": "ext4", "label": "root"]
            ),
            Self.step(
                "format-efi", "format", "Formatting the EFI system partition",
                ["device": Self.partition(disk, 2), "fstype": "vfat", "label": "EFI"]
            ),
            Self.step("mount-root", "mount", "Mounting the root file system", ["device": Self.partition(disk, 3), "path": "/"]),
        ]
    }

    private static func imageSteps(_ request: InstallationRequest, _ disk: BlockDevice) -> [JSONValue] {
        let image = request.image
        return [
            Self.step(
                "fetch-image", "fetch_image", "Writing \(image.osystem)/\(image.release)",
                [
                    "url": .string(request.imageURL), "sha256": .string(image.sha256), "size": .int(image.sizeBytes), "format": "tar.zst",
                    "target": "/",
                ]
            ),
            Self.step("mount-efi", "mount", "Mounting the EFI system partition", ["device": Self.partition(disk, 2), "path": "/boot/efi"]),
            Self.step(
                "fstab", "fstab", "Writing fstab",
                [
                    "entries": [
                        [
                            "source": Self.partition(disk, 3), "path": "/", "fstype": "ext4", "options": "errors=remount-ro", "dump": 0,
                            "pass": 1,
                        ],
                        ["source": Self.partition(disk, 2), "path": "/boot/efi", "fstype": "vfat", "options": "umask=0077", "dump": 0, "pass": 1],
                    ]
                ]
            ),
        ]
    }

    private static func bootSteps(_ request: InstallationRequest, _ disk: BlockDevice) -> [JSONValue] {
        let loader: JSONValue
        switch request.machine.firmware ?? .bios {
        case .bios:
            loader = Self.step("boot-loader", "grub_bios", "Installing GRUB for BIOS", ["disk": .object(Self.reference(disk))])
        case .uefi:
            loader = Self.step("boot-loader", "grub_uefi", "Installing GRUB for UEFI", ["path": "/boot/efi", "bootloader_id": "debian"])
        }
        let options = ["console=tty0 console=ttyS0,115200", request.kernelOptions].filter { !$0.isEmpty }.joined(separator: " ")
        return [
            loader,
            Self.step(
                "boot-menu", "grub_config", "Writing GRUB's menu", ["kernel_options": .string(options), "timeout": 1, "serial": true]
            ),
            // There before cloud-init is: the console's first prompt and the first lines of the journal have the machine's name.
            Self.step(
                "hostname", "write_file", "Naming the machine",
                ["path": "/etc/hostname", "content": .string("\(request.machine.hostname)\n"), "mode": "0644"]
            ),
            Self.step(
                "cloud-init", "cloud_init_seed", "Seeding cloud-init",
                [
                    "files": [
                        [
                            "path": "/etc/cloud/cloud.cfg.d/90_maas_datasource.cfg", "mode": "0600",
                            "content": .string(CloudInitSeed.datasource(request)),
                        ],
                        ["path": "/etc/cloud/cloud.cfg.d/50-gantry-network.cfg", "mode": "0644", "content": .string(CloudInitSeed.network(request))],
                    ]
                ]
            ),
        ]
    }

    private static let endSteps = [
        Self.step("unmount", "unmount_all", "Unmounting"),
        Self.step("netboot-off", "netboot_off", "Telling the region that the next boot is from disk"),
        Self.step("reboot", "reboot", "Restarting"),
    ]
}
