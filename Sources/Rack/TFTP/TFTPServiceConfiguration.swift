// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import Transfers

/// The settings of the TFTP server.
public struct TFTPServiceConfiguration: Sendable, Hashable {
    /// The address to listen on; nil for all. Answers come from the address that was asked in either case.
    public var address: IPAddress?
    /// UDP port; 0 for any free one. TFTP's own is 69.
    public var port: Int
    /// Transfers at the same time, each with a socket of its own that is opened at the start. A request beyond that is not answered: the
    /// machine asks again, where an error would end its boot.
    public var maximumSessions: Int
    /// Transfers at the same time for one address, so that one machine cannot take them all.
    public var maximumSessionsPerClient: Int
    /// The ports of transfers; nil for any free ones. Racks of one segment need the same range to take over each other's transfers.
    public var transferPorts: ClosedRange<Int>?
    /// The limits of each transfer.
    public var transfer: ReadTransferConfiguration
    /// How long transfers may go on when the process shuts down.
    public var drainTime: Duration

    public init(
        address: IPAddress? = nil, port: Int = 69, maximumSessions: Int = 256, maximumSessionsPerClient: Int = 16,
        transferPorts: ClosedRange<Int>? = nil, transfer: ReadTransferConfiguration = ReadTransferConfiguration(),
        drainTime: Duration = .seconds(5)
    ) {
        self.address = address
        self.port = port
        self.maximumSessions = maximumSessions
        self.maximumSessionsPerClient = maximumSessionsPerClient
        self.transferPorts = transferPorts
        self.transfer = transfer
        self.drainTime = drainTime
    }
}
