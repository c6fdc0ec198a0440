// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The proof that one disk of a machine was erased.
public struct EraseCertificate: Sendable, Hashable, Codable {
    public var id: Int
    public var machineID: SystemID
    /// The operation that erased it.
    public var generation: Int
    public var disk: String
    public var serial: String
    public var model: String
    public var sizeBytes: Int
    /// Such as `overwrite`, `blkdiscard`, `nvme-format`.
    public var method: String
    /// How many bytes were read back, all of them zero.
    public var verifiedBytes: Int
    public var verified: Bool
    public var durationSeconds: Double
    public var created: Timestamp

    public init(
        id: Int, machineID: SystemID, generation: Int, disk: String, serial: String, model: String, sizeBytes: Int, method: String,
        verifiedBytes: Int, verified: Bool, durationSeconds: Double, created: Timestamp
    ) {
        self.id = id
        self.machineID = machineID
        self.generation = generation
        self.disk = disk
        self.serial = serial
        self.model = model
        self.sizeBytes = sizeBytes
        self.method = method
        self.verifiedBytes = verifiedBytes
        self.verified = verified
        self.durationSeconds = durationSeconds
        self.created = created
    }
}
