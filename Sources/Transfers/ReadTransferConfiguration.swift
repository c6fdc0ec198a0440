// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The limits of one transfer, with the reason of each default.
public struct ReadTransferConfiguration: Sendable, Hashable {
    /// The largest block that is agreed to, in octets: 8 to 65464. 1468 fills an Ethernet frame of 1500 octets; larger blocks are
    /// cut into fragments, which many boot ROMs cannot put together.
    public var maximumBlockSize: Int
    /// The most blocks that are sent before an acknowledgement: 1 to 1024. 32 blocks fit into the receive buffers of the firmware known.
    public var maximumWindowSize: Int
    /// The wait before the first retransmission, until round trips were measured.
    public var initialTimeout: Duration
    /// The shortest wait before a retransmission: emulated and old machines need many milliseconds for a block.
    public var minimumTimeout: Duration
    /// The longest wait; each retransmission doubles the wait up to it.
    public var maximumTimeout: Duration
    /// Retransmissions without progress before the transfer is given up. With the other defaults that is 31 s: GRUB never asks again
    /// and waits 33 s for the server.
    public var maximumRetransmissions: Int
    /// Packets that a client is sent before it has acknowledged any, for whatever reason: its address may be forged, and a request for a
    /// stranger must not bring him much. Each is an option acknowledgement or one block; a client that is still there begins again.
    public var maximumUnverifiedAnswers: Int
    /// The longest a transfer may take, so that a crawling client cannot hold a session for ever.
    public var maximumDuration: Duration

    public init(
        maximumBlockSize: Int = 1468, maximumWindowSize: Int = 32, initialTimeout: Duration = .milliseconds(500),
        minimumTimeout: Duration = .milliseconds(250), maximumTimeout: Duration = .seconds(8), maximumRetransmissions: Int = 7,
        maximumUnverifiedAnswers: Int = 4, maximumDuration: Duration = .seconds(1800)
    ) {
        precondition((8...65464).contains(maximumBlockSize), "maximumBlockSize \(maximumBlockSize) is not in 8...65464")
        precondition((1...1024).contains(maximumWindowSize), "maximumWindowSize \(maximumWindowSize) is not in 1...1024")
        precondition(maximumRetransmissions >= 0, "maximumRetransmissions \(maximumRetransmissions) is negative")
        precondition(maximumUnverifiedAnswers >= 1, "maximumUnverifiedAnswers \(maximumUnverifiedAnswers) is not positive")
        self.maximumBlockSize = maximumBlockSize
        self.maximumWindowSize = maximumWindowSize
        self.initialTimeout = initialTimeout
        self.minimumTimeout = minimumTimeout
        self.maximumTimeout = maximumTimeout
        self.maximumRetransmissions = maximumRetransmissions
        self.maximumUnverifiedAnswers = maximumUnverifiedAnswers
        self.maximumDuration = maximumDuration
    }
}
