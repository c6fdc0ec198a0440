// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The files that this rack holds, by content.
public protocol ContentSource: Sendable {
    /// The path of a complete and verified file, which does not change while it is there.
    ///
    /// - Parameter digest: SHA-256 in lower-case hexadecimal.
    /// - Returns: nil when the rack does not have it.
    func path(ofDigest digest: String) -> String?
}
