// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The three files of the OS that a machine runs from memory, by content.
public struct EphemeralImage: Sendable, Hashable, Codable {
    /// SHA-256 in hexadecimal.
    public var kernel: String
    /// SHA-256 in hexadecimal.
    public var initrd: String
    /// SHA-256 in hexadecimal.
    public var squashfs: String

    public init(kernel: String, initrd: String, squashfs: String) {
        self.kernel = kernel
        self.initrd = initrd
        self.squashfs = squashfs
    }

    public var digests: [String] { [self.kernel, self.initrd, self.squashfs] }
}
