// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A disk of a machine, as commissioning found it.
public struct BlockDevice: Sendable, Hashable, Codable {
    public var id: Int
    /// The kernel's name, such as `vda`.
    public var name: String
    public var model: String
    public var serial: String
    /// A stable path below /dev/disk/by-id; empty when there is none.
    public var idPath: String
    public var sizeBytes: Int
    public var blockSizeBytes: Int
    public var firmwareVersion: String
    public var tags: [String]

    public init(
        id: Int, name: String, model: String, serial: String, idPath: String, sizeBytes: Int, blockSizeBytes: Int, firmwareVersion: String,
        tags: [String]
    ) {
        self.id = id
        self.name = name
        self.model = model
        self.serial = serial
        self.idPath = idPath
        self.sizeBytes = sizeBytes
        self.blockSizeBytes = blockSizeBytes
        self.firmwareVersion = firmwareVersion
        self.tags = tags
    }
}
