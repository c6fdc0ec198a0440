// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// The names under which the rack serves an ephemeral OS, relative to its root.
public struct BootFiles: Sendable, Hashable {
    public let kernel: String
    public let initrd: String
    public let squashfs: String

    /// Refuses intents without an image and digests that are none.
    public init(intent: BootIntent) throws(BootConfigurationError) {
        guard let image = intent.image else { throw .missingImage(purpose: intent.purpose.rawValue) }
        self.kernel = try Self.name(image.kernel, "boot-kernel")
        self.initrd = try Self.name(image.initrd, "boot-initrd")
        self.squashfs = try Self.name(image.squashfs, "squashfs")
    }

    private static func name(_ digest: String, _ file: String) throws(BootConfigurationError) -> String {
        guard BootName.isDigest(digest) else { throw .invalidDigest(file: file) }
        return "images/\(digest)/\(file)"
    }
}
