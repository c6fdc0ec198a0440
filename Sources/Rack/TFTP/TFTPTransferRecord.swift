// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import Transfers

/// What another rack must know to go on with a transfer: racks tell each other when one begins, every 512 blocks, and when it ends.
public struct TFTPTransferRecord: Sendable, Hashable, Codable {
    public var client: IPAddress
    public var clientPort: Int
    /// The service address that the client talks to.
    public var service: IPAddress
    /// The port of this transfer on the rack.
    public var serverPort: Int
    /// The file's SHA-256. Generated files are one packet long and have no record.
    public var digest: String
    public var terms: TransferTerms
    /// The last block that the client acknowledged.
    public var acknowledgedBlock: UInt64
    public var isFinished: Bool

    public init(
        client: IPAddress, clientPort: Int, service: IPAddress, serverPort: Int, digest: String, terms: TransferTerms,
        acknowledgedBlock: UInt64, isFinished: Bool
    ) {
        self.client = client
        self.clientPort = clientPort
        self.service = service
        self.serverPort = serverPort
        self.digest = digest
        self.terms = terms
        self.acknowledgedBlock = acknowledgedBlock
        self.isFinished = isFinished
    }

    /// Blocks between two records of a transfer's progress.
    public static let progressInterval: UInt64 = 512
}
