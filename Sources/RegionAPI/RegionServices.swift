// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What the API asks of the rest of the region.
public protocol RegionServices: Sendable {
    /// Gantry's version, such as `0.1.0`.
    var softwareVersion: String { get }

    /// Has a rack ask a machine's BMC, now.
    ///
    /// - Throws: an error whose description tells the user why nobody could ask.
    func queryPower(_ id: SystemID) async throws -> PowerState

    /// Starts importing images from the boot sources, unless that is going on; returns at once.
    func importImages() async

    /// Stops a running import.
    func stopImport() async

    /// Whether images are being imported.
    func isImporting() async -> Bool

    /// How far the import of this region is; nil when there is none, or it does not know yet.
    func importProgress() async -> ImportProgress?

    /// The file of a content that this region has complete, by its SHA-256 in hexadecimal; nil when it has not.
    func imagePath(sha256: String) -> String?
}
