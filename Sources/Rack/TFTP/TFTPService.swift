// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import CSys
import Glibc
public import Logging
public import ServiceLifecycle
import Synchronization
import Transfers

/// The TFTP server for boot loaders and their configurations: one thread, one socket for each transfer (RFC 1350, section 4).
///
/// Opens its sockets in `init`, so that a process may give up its rights before `run`.
public final class TFTPService: Service, Sendable {
    enum Command: Sendable {
        case stop
        case remember(TFTPTransferRecord)
        case takeOver
    }

    /// The most commands that wait for the thread; records beyond are lost.
    private static let maximumCommands = 4096

    /// The port that requests come to.
    public let port: Int
    /// The ports of transfers.
    public let transferPorts: [Int]
    /// What other racks of the segment must know; for one consumer. The oldest are lost when nobody takes them.
    public let records: AsyncStream<TFTPTransferRecord>

    let configuration: TFTPServiceConfiguration
    let answers: BootAnswers
    let descriptors: ContentDescriptors
    let fetches: ContentFetches
    let observations: BootObservations
    let logger: Logger
    let listener: UDPSocket
    let sockets: [UDPSocket]
    let recorder: AsyncStream<TFTPTransferRecord>.Continuation
    private let wakeup: Int32
    private let commands = Mutex<[Command]>([])
    private let counters = Mutex(TFTPCounters())

    /// Binds the sockets.
    ///
    /// - Throws: `TFTPServiceError` for a setting out of range or a socket that cannot be bound.
    public init(
        configuration: TFTPServiceConfiguration, answers: BootAnswers, content: any ContentSource, fetches: ContentFetches,
        observations: BootObservations, logger: Logger
    ) throws {
        guard (1...4096).contains(configuration.maximumSessions) else {
            throw TFTPServiceError(.invalidConfiguration, "maximumSessions \(configuration.maximumSessions) is not in 1...4096")
        }
        guard let port = UInt16(exactly: configuration.port) else {
            throw TFTPServiceError(.invalidConfiguration, "port \(configuration.port) is not in 0...65535")
        }
        let ports = configuration.transferPorts.map { Array($0.prefix(configuration.maximumSessions)) }
        if let range = configuration.transferPorts {
            guard range.lowerBound > 0, range.upperBound <= 65535, range.count >= configuration.maximumSessions else {
                throw TFTPServiceError(
                    .invalidConfiguration,
                    "transferPorts \(range) must be within 1...65535 and hold \(configuration.maximumSessions) sessions"
                )
            }
        }
        let window = configuration.transfer.maximumWindowSize * (configuration.transfer.maximumBlockSize + 1024)
        self.configuration = configuration
        self.answers = answers
        self.descriptors = ContentDescriptors(source: content, capacity: 64)
        self.fetches = fetches
        self.observations = observations
        self.logger = logger
        self.listener = try UDPSocket(address: configuration.address, port: port, sendBufferOctets: 256 * 1024)
        self.sockets = try (0..<configuration.maximumSessions).map { index in
            try UDPSocket(
                address: configuration.address, port: UInt16(clamping: ports?[index] ?? 0), sendBufferOctets: max(256 * 1024, window)
            )
        }
        self.port = Int(self.listener.port)
        self.transferPorts = self.sockets.map { Int($0.port) }
        (self.records, self.recorder) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1024))
        self.wakeup = csys_eventfd_create()
        guard self.wakeup >= 0 else { throw TFTPServiceError(.socketFailed, "no eventfd: error \(-self.wakeup)") }
    }

    deinit {
        _ = close(self.wakeup)
    }

    /// What the server did since its start.
    public var counted: TFTPCounters { self.counters.withLock { $0 } }

    func count(_ change: (inout TFTPCounters) -> Void) {
        self.counters.withLock { change(&$0) }
    }

    /// Serves until the task is cancelled or the process shuts down; transfers then have the configuration's `drainTime` to end.
    public func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let wakeup = self.wakeup
                do {
                    try TFTPThread.start {
                        continuation.resume(with: Result { try TFTPLoop(service: self, wakeup: wakeup).run() })
                    }
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        } onCancelOrGracefulShutdown: {
            self.send(.stop)
        }
        self.recorder.finish()
    }

    /// Remembers another rack's transfer, so that this rack can go on with it.
    public func receive(_ record: TFTPTransferRecord) {
        self.send(.remember(record))
    }

    /// Goes on with the transfers of the rack that fell silent: this one now answers the service address.
    ///
    /// Clients that ask again are served without this too; GRUB does not ask.
    public func takeOver() {
        self.send(.takeOver)
    }

    private func send(_ command: Command) {
        let isQueued = self.commands.withLock { commands in
            if case .remember = command, commands.count >= Self.maximumCommands { return false }
            commands.append(command)
            return true
        }
        if isQueued { _ = csys_eventfd_signal(self.wakeup) }
    }

    func takeCommands() -> [Command] {
        _ = csys_eventfd_clear(self.wakeup)
        return self.commands.withLock { commands in
            defer { commands = [] }
            return commands
        }
    }
}

/// What the TFTP server did since its start.
public struct TFTPCounters: Sendable, Hashable {
    /// Transfers that began.
    public var transfers = 0
    /// Transfers after which the client had what it wanted.
    public var completed = 0
    /// Transfers that failed or were given up.
    public var failed = 0
    /// Requests for what the rack does not have or does not give.
    public var refused = 0
    /// Requests without an answer because all sessions were taken.
    public var busy = 0
    /// Datagrams that are not TFTP, or from nobody known.
    public var strays = 0
    /// Windows that were sent more than once.
    public var retransmissions = 0
    /// Transfers that were continued for another rack.
    public var takenOver = 0
}
