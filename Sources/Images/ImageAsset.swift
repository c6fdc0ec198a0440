// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a file of an image is for.
public enum ImageAssetKind: Sendable, Hashable {
    case bootKernel
    case bootInitrd
    case squashfs
    /// A file system to unpack to a disk: `tar.zst`, `tgz`, `txz`.
    case rootTarball(format: String)
    /// A boot loader's file, by the name under which machines ask for it, such as `grub/x86_64-efi/http.mod`.
    case bootloader(String)
    /// A tar archive of boot loader files, as images.maas.io has them.
    case bootloaderArchive(String)
    /// Any other `ftype`.
    case other(String)

    init(ftype: String, itemName: String) {
        switch ftype {
        case "boot-kernel": self = .bootKernel
        case "boot-initrd": self = .bootInitrd
        case "squashfs": self = .squashfs
        case "root.tar.zst", "root-tar-zst": self = .rootTarball(format: "tar.zst")
        case "root-tgz", "root.tar.gz": self = .rootTarball(format: "tgz")
        case "root-txz", "root.tar.xz": self = .rootTarball(format: "txz")
        case "bootloader": self = .bootloader(itemName)
        case "archive.tar.xz": self = .bootloaderArchive(itemName)
        default: self = .other(ftype)
        }
    }

    /// Whether Gantry has a use for it.
    public var isUsed: Bool { if case .other = self { false } else { true } }
}

/// One file of a stream, as the stream describes it.
public struct ImageAsset: Sendable, Hashable {
    /// Such as `com.ubuntu.maas:stable:v3:download`.
    public var contentID: String
    public var productName: String
    /// Versions compare as texts.
    public var version: String
    public var itemName: String
    public var osystem: String
    public var release: String
    public var releaseTitle: String
    public var architecture: String
    public var subarchitecture: String
    /// All subarchitectures that it serves, such as `generic` and `ga-12`.
    public var subarchitectures: [String]
    public var label: String
    public var kernelFlavor: String
    public var kind: ImageAssetKind
    /// Below the stream's folder; checked not to leave it.
    public var path: String
    /// In bytes.
    public var size: Int64
    public var digest: ContentDigest
    /// Every other text that the stream says of the item.
    public var attributes: [String: String]

    /// 64 hexadecimal digits.
    public var sha256: String { self.digest.hex }
}
