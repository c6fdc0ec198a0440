// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import FoundationEssentials
import JSON
import Rack

/// The loaders and the ephemeral kernel that `tools/build-image` has published, and an initramfs that only says what booted.
final class FirmwarePayload: ContentSource {
    /// The boot loaders by the names that machines ask for.
    let loaders: [String: String]
    let image: EphemeralImage
    /// Debian's signed kernel, where `tools/firmware` has fetched it: there is no ephemeral OS for arm64 yet.
    let arm64: EphemeralImage?
    private let paths: [String: String]
    private let initrd: DirectoryContent

    /// Begins the line that the initramfs prints.
    static let marker = "GANTRY-BOOTED"
    static let package = String(#filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined())

    init() async throws {
        let stream = ProcessInfo.processInfo.environment["GANTRY_IMAGES"] ?? "\(Self.package)/.build/images-stream"
        var paths: [String: String] = [:]
        func items(_ list: String) throws -> [String: String] {
            let data = try Data(contentsOf: URL(filePath: "\(stream)/streams/v1/\(list).json"))
            var digests: [String: String] = [:]
            for product in try JSONValue(parsing: data)["products"]?.objectValue?.members ?? [] {
                let newest = product.value["versions"]?.objectValue?.members.max { $0.key < $1.key }
                for item in newest?.value["items"]?.objectValue?.members ?? [] {
                    guard let digest = item.value["sha256"]?.stringValue, let path = item.value["path"]?.stringValue else {
                        throw FixtureError("\(list): \(item.key) has no sha256 or no path")
                    }
                    digests[item.key] = digest
                    paths[digest] = "\(stream)/\(path)"
                }
            }
            return digests
        }
        self.loaders = try items("com.ubuntu.maas:stable:1:bootloader-download")
        let images = try items("com.ubuntu.maas:stable:v3:download")
        guard let kernel = images["boot-kernel"], let squashfs = images["squashfs"] else { throw FixtureError("\(stream) has no ephemeral OS") }
        self.initrd = try DirectoryContent()
        self.image = EphemeralImage(kernel: kernel, initrd: try await self.initrd.insert(Self.makeInitrd("/bin/busybox")), squashfs: squashfs)
        let root = ProcessInfo.processInfo.environment["GANTRY_FIRMWARE_ARM64"] ?? "\(Self.package)/.build/firmware-arm64"
        let boot = (try? FileManager.default.contentsOfDirectory(atPath: root + "/boot")) ?? []  // without it no arm64 machine can be tried
        if let name = boot.first(where: { $0.hasPrefix("vmlinuz-") }) {
            let kernel = try self.initrd.insert(Array(try Data(contentsOf: URL(filePath: "\(root)/boot/\(name)"))))
            self.arm64 = EphemeralImage(
                kernel: kernel, initrd: try await self.initrd.insert(Self.makeInitrd("\(root)/bin/busybox")), squashfs: squashfs)
        } else {
            self.arm64 = nil
        }
        self.paths = paths
    }

    func path(ofDigest digest: String) -> String? { self.paths[digest] ?? self.initrd.path(ofDigest: digest) }

    /// A busybox and this program, packed as the kernel wants it.
    private static func makeInitrd(_ busybox: String) async throws -> [UInt8] {
        let program = """
            #!/bin/busybox sh
            busybox() { /bin/busybox "$@"; }
            busybox mkdir -p /proc /sys
            busybox mount -t proc proc /proc
            busybox mount -t sysfs sysfs /sys
            firmware=bios; [ ! -d /sys/firmware/efi ] || firmware=uefi
            echo
            echo "\(Self.marker) $(busybox uname -m) $firmware Linux $(busybox uname -r): $(busybox cat /proc/cmdline) :END"
            busybox sleep 1000000

            """
        let script = """
            set -e; work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
            install -D "$2" "$work/bin/busybox"; printf %s "$1" > "$work/init"; chmod 755 "$work/init"
            cd "$work"; find . | busybox cpio -o -H newc 2> /dev/null | gzip -1
            """
        let made = try await execute("bash", ["-c", script, "initrd", program, busybox])
        guard made.status.contains("0"), !made.output.isEmpty else { throw FixtureError("the initramfs cannot be made: \(made.error)") }
        return made.output
    }
}
