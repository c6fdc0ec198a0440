// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// All that an install plan depends on.
public struct InstallationRequest: Sendable {
    public var machine: Machine
    /// The root file system's archive.
    public var image: BootAsset
    /// Where the machine fetches it.
    public var imageURL: String
    /// The metadata service for the installed system, such as `http://10.0.0.1:5248/MAAS/metadata/`.
    public var metadataURL: String
    /// The machine's own key to it.
    public var credentials: APIToken
    /// The subnets that the machine's links are on.
    public var subnets: [Subnet]
    /// Options for the installed kernel.
    public var kernelOptions: String
    /// How the boot disk is laid out.
    public var layout: StorageLayout

    public init(
        machine: Machine, image: BootAsset, imageURL: String, metadataURL: String, credentials: APIToken, subnets: [Subnet],
        kernelOptions: String = "", layout: StorageLayout = StorageLayout()
    ) {
        self.machine = machine
        self.image = image
        self.imageURL = imageURL
        self.metadataURL = metadataURL
        self.credentials = credentials
        self.subnets = subnets
        self.kernelOptions = kernelOptions
        self.layout = layout
    }
}
