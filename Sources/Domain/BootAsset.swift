// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// One file of an image, by content.
public struct BootAsset: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        case bootKernel = "boot-kernel"
        case bootInitrd = "boot-initrd"
        case squashfs
        /// The file system that is unpacked to a machine's disk, tar compressed with zstd.
        case rootTarball = "root-tar-zst"
        /// A file of a boot loader, named by `name`.
        case bootloader
    }

    public var osystem: String
    public var release: String
    /// Such as `amd64`.
    public var architecture: String
    /// Such as `generic`.
    public var subarchitecture: String
    public var kind: Kind
    /// The file's name; for boot loaders the name that firmware asks for, such as `bootx64.efi`.
    public var name: String
    public var version: String
    public var label: String
    public var sizeBytes: Int
    /// SHA-256 in hexadecimal.
    public var sha256: String
    /// Whether this region has the whole file.
    public var complete: Bool

    public init(
        osystem: String, release: String, architecture: String, subarchitecture: String, kind: Kind, name: String, version: String,
        label: String, sizeBytes: Int, sha256: String, complete: Bool
    ) {
        self.osystem = osystem
        self.release = release
        self.architecture = architecture
        self.subarchitecture = subarchitecture
        self.kind = kind
        self.name = name
        self.version = version
        self.label = label
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
        self.complete = complete
    }
}
