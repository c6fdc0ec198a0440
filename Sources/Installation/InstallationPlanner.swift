// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
public import JSON

/// Compiles what a machine has to look like into explicit steps for the agent in the ephemeral OS (`docs/install-plan.md`). Pure:
/// equal requests give equal plans.
public enum InstallationPlanner {
    /// The plan that installs an image on the machine's boot disk, in the layout that was chosen.
    ///
    /// - Throws: `InstallationError` when the machine has no disk that the layout fits on, or the layout has no root.
    public static func plan(_ request: InstallationRequest) throws(InstallationError) -> JSONValue {
        let machine = request.machine
        guard let disk = machine.bootDisk else {
            throw InstallationError("\(machine.hostname) has no disk; commission it again, or deploy to memory")
        }
        guard request.layout.kind != .blank else {
            throw InstallationError("\(machine.hostname) has the blank storage layout: expected flat or lvm")
        }
        guard machine.generation > 0 else { throw InstallationError("\(machine.hostname) is not being deployed") }
        let disks = DiskSteps(disk: disk, shape: try StorageShape(request.layout, on: disk))
        let steps =
            disks.make + disks.mountsForImage + [Self.imageStep(request)] + disks.mountsAfterImage + [disks.fstab]
            + Self.bootSteps(request, disk) + Self.endSteps
        return ["version": 1, "generation": .int(machine.generation), "target": "/mnt/target", "steps": .array(steps)]
    }

    /// Which disk, by what does not change: its serial number, else its path below /dev/disk, else the kernel's name.
    static func reference(_ disk: BlockDevice) -> JSONObject {
        if !disk.serial.isEmpty { return ["serial": .string(disk.serial)] }
        if !disk.idPath.isEmpty { return ["id_path": .string(disk.idPath)] }
        return ["path": .string("/dev/\(disk.name)")]
    }

    static func step(_ id: String, _ kind: String, _ title: String, _ arguments: JSONObject = [:]) -> JSONValue {
        .object(JSONObject([("id", .string(id)), ("kind", .string(kind)), ("title", .string(title))]).merging(arguments))
    }

    private static func imageStep(_ request: InstallationRequest) -> JSONValue {
        let image = request.image
        return Self.step(
            "fetch-image", "fetch_image", "Writing \(image.osystem)/\(image.release)",
            [
                "url": .string(request.imageURL), "sha256": .string(image.sha256), "size": .int(image.sizeBytes), "format": "tar.zst",
                "target": "/",
            ]
        )
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
