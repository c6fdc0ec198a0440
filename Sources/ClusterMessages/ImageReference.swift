// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A file of an image, by content.
public struct ImageReference: Codable, Sendable, Hashable {
    public var sha256: String
    public var sizeBytes: Int

    public init(sha256: String, sizeBytes: Int) {
        self.sha256 = sha256
        self.sizeBytes = sizeBytes
    }
}
