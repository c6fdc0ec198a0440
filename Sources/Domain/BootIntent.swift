// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What the racks answer to one machine's boot requests; pushed by the region, held in the rack's memory.
public struct BootIntent: Sendable, Hashable, Codable {
    /// The machine's network interfaces; empty for the intent of unknown machines.
    public var macAddresses: [MACAddress]
    /// Nil for the intent of unknown machines.
    public var systemID: SystemID?
    public var hostname: String
    public var purpose: BootPurpose
    /// The image to boot; nil with the purpose `local`.
    public var image: EphemeralImage?
    /// Options for the kernel's command line, after Gantry's own.
    public var kernelOptions: [String]
    /// Path and query of cloud-init's preseed below `/MAAS/`, such as `metadata/latest/by-id/abc123/?op=get_preseed`.
    public var preseedPath: String

    public init(
        macAddresses: [MACAddress], systemID: SystemID?, hostname: String, purpose: BootPurpose, image: EphemeralImage?,
        kernelOptions: [String], preseedPath: String
    ) {
        self.macAddresses = macAddresses
        self.systemID = systemID
        self.hostname = hostname
        self.purpose = purpose
        self.image = image
        self.kernelOptions = kernelOptions
        self.preseedPath = preseedPath
    }
}
