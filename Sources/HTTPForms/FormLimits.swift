// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Bounds on the fields of one request; the size of the whole body is the server's business.
public struct FormLimits: Sendable, Hashable {
    /// Default 4096: a commissioning result has a dozen, the longest list of ids some thousand.
    public var maximumFields: Int
    /// Default 8 KiB, for a name or for the headers of one part.
    public var maximumNameBytes: Int

    public init(maximumFields: Int = 4096, maximumNameBytes: Int = 8192) {
        self.maximumFields = maximumFields
        self.maximumNameBytes = maximumNameBytes
    }
}
