// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import TFTP

/// The server's side of one read transfer (RFC 1350, 2347 to 2349, 7440), without a socket, a file or a clock.
///
/// The shell passes in what happened with the time since any fixed origin, carries out the effects in their order, and calls
/// `timerFired` when `deadline` is reached.
///
/// An acknowledgement in the middle of a window, or one that is repeated, says that a block is missing (RFC 7440, section 4), but also
/// comes from clients that got a block twice. So after blocks were sent again, such signs are not believed before the client is a window
/// further than those, and duplicates cannot breed duplicates (RFC 1123, section 4.2.3.1). Without windows they are never believed.
///
/// The client waits for a whole window before it acknowledges, so a window cannot shrink when blocks are lost. Instead it is sent in shorter
/// bursts with pauses between them, which grow again while nothing is lost.
///
/// A client is not verified before it has acknowledged something: its address may be forged, and it is sent a few small packets at most.
public struct ReadTransfer: Sendable {
    public enum Event: Sendable {
        /// The request was accepted, or the transfer was taken over: send what is due.
        case started
        /// A packet came from the client's own address and port.
        case received(TFTPPacket)
        case timerFired
        /// The content could not be read.
        case readFailed
        /// The client began another transfer from the same port.
        case replaced
        /// The server ends.
        case stopped
    }

    public enum Effect: Sendable, Hashable {
        case sendOptionAcknowledgement([TFTPOption])
        /// Send these blocks; `offset(ofBlock:)` and `length(ofBlock:)` say what is in them.
        case sendBlocks(first: UInt64, count: Int)
        case sendError(TFTPErrorCode, message: String)
        /// Nothing follows.
        case finished(TransferOutcome)
    }

    private enum Phase {
        /// Nothing was sent.
        case new
        /// The options were acknowledged; block 0's acknowledgement is awaited.
        case negotiating
        case sending
        case finished
    }

    public let size: UInt64
    public let terms: TransferTerms
    /// The options to acknowledge.
    public let acceptedOptions: [TFTPOption]
    /// When `timerFired` is due; nil before the start and after the end.
    public private(set) var deadline: Duration?
    /// The last block that the client acknowledged; 0 for none.
    public private(set) var acknowledgedBlock: UInt64
    /// Whether the client has acknowledged anything, so that its address is its own.
    public private(set) var isVerified = false
    /// How many times something was sent again.
    public private(set) var retransmissionCount = 0

    private let configuration: ReadTransferConfiguration
    private var phase: Phase = .new
    /// The last block that may be acknowledged.
    private var lastSentBlock: UInt64
    private var startedAt: Duration?
    private var windowSentAt: Duration = .zero
    /// Some of what is in flight was sent more than once or at different times, so its round trip says nothing.
    private var windowIsRepeated = false
    /// Another rack began it, and the client has not yet said where it is.
    private var isTakenOver = false
    /// From this acknowledged block on, signs of a missing block come from blocks that were sent once.
    private var trustedBlock: UInt64 = 0
    private var attempts = 0
    private var timeout: Duration
    /// Packets that an unverified client was sent.
    private var unverifiedAnswers = 0
    /// Blocks that are sent at once; the whole window while nothing is lost.
    private var burst: Int
    /// Where the window goes on after a pause.
    private var pausedAt: UInt64?
    private var smoothedRoundTrip: Duration?
    private var roundTripVariation: Duration = .zero

    /// A new transfer of `size` octets for a request.
    public init(size: UInt64, request: TFTPRequest, configuration: ReadTransferConfiguration) {
        let (terms, accepted) = TransferTerms.agree(to: request, size: size, configuration: configuration)
        self.init(size: size, terms: terms, accepted: accepted, acknowledgedBlock: 0, configuration: configuration)
    }

    /// Another rack's transfer, from the last progress that it told.
    ///
    /// - Parameter progress: The last block known to be acknowledged. The client may be up to `maximumProgressLag` blocks further.
    public init(size: UInt64, terms: TransferTerms, progress: UInt64, configuration: ReadTransferConfiguration) {
        var sane = terms
        sane.blockSize = min(max(terms.blockSize, 8), configuration.maximumBlockSize)
        sane.windowSize = min(max(terms.windowSize, 1), configuration.maximumWindowSize)
        self.init(size: size, terms: sane, accepted: [], acknowledgedBlock: progress, configuration: configuration)
        let last = self.lastBlock
        self.acknowledgedBlock = min(progress, last - 1)
        self.lastSentBlock = min(self.acknowledgedBlock + Self.maximumProgressLag, last)
        self.windowIsRepeated = true
        self.isTakenOver = true
        self.isVerified = true
        self.phase = .sending
    }

    private init(
        size: UInt64, terms: TransferTerms, accepted: [TFTPOption], acknowledgedBlock: UInt64,
        configuration: ReadTransferConfiguration
    ) {
        self.size = size
        self.terms = terms
        self.acceptedOptions = accepted
        self.configuration = configuration
        self.acknowledgedBlock = acknowledgedBlock
        self.lastSentBlock = acknowledgedBlock
        self.timeout = terms.timeoutSeconds.map { .seconds($0) } ?? configuration.initialTimeout
        self.burst = terms.windowSize
    }

    /// How far a client may be ahead of the progress that another rack told, in blocks: far below half of all block numbers.
    public static let maximumProgressLag: UInt64 = 2048

    /// The number of the last block, which is shorter than the others and may be empty.
    public var lastBlock: UInt64 { self.size / UInt64(self.terms.blockSize) + 1 }

    /// The octets that the client has acknowledged.
    public var acknowledgedBytes: UInt64 { min(self.size, self.acknowledgedBlock * UInt64(self.terms.blockSize)) }

    public func offset(ofBlock block: UInt64) -> UInt64 {
        (max(block, 1) - 1) * UInt64(self.terms.blockSize)
    }

    public func length(ofBlock block: UInt64) -> Int {
        let offset = self.offset(ofBlock: block)
        return offset >= self.size ? 0 : Int(min(UInt64(self.terms.blockSize), self.size - offset))
    }

    public var isFinished: Bool { self.phase == .finished }

    /// Takes one event and says what to do.
    ///
    /// - Parameter now: The time since an origin that is the same for all calls; it never goes back.
    public mutating func handle(_ event: Event, now: Duration) -> [Effect] {
        var effects: [Effect] = []
        self.handle(event, now: now, effects: &effects)
        return effects
    }

    /// Takes one event and appends what to do, for shells that keep the array from packet to packet.
    ///
    /// - Parameter now: As above.
    public mutating func handle(_ event: Event, now: Duration, effects: inout [Effect]) {
        guard self.phase != .finished else { return }
        let isFirst = self.startedAt == nil
        if isFirst { self.startedAt = now }
        switch event {
        case .started:
            guard isFirst else { return }
            self.unverifiedAnswers = 1
            guard self.phase == .new, !self.acceptedOptions.isEmpty else {
                self.phase = .sending
                return self.sendWindow(from: self.acknowledgedBlock + 1, now: now, &effects)
            }
            self.phase = .negotiating
            self.windowSentAt = now
            self.arm(now: now)
            effects.append(.sendOptionAcknowledgement(self.acceptedOptions))
        case .received(let packet):
            self.received(packet, now: now, &effects)
        case .timerFired:
            self.timerFired(now: now, &effects)
        case .readFailed:
            self.finish(.readFailed, telling: (.undefined, "the file cannot be read"), &effects)
        case .replaced:
            self.finish(.replaced, &effects)
        case .stopped:
            self.finish(.stopped, &effects)
        }
    }

    private mutating func received(_ packet: TFTPPacket, now: Duration, _ effects: inout [Effect]) {
        if self.isOverdue(now: now) { return self.finish(.tookTooLong, telling: (.undefined, "the transfer took too long"), &effects) }
        switch packet {
        case .acknowledgement(let number):
            self.acknowledged(number, now: now, &effects)
        case .error(let code, let message):
            let onlySize = self.phase == .negotiating && self.acceptedOptions.contains { $0.isNamed(TFTPOption.transferSize) }
            self.finish(onlySize ? .sizeAsked : .abortedByClient(code, message: message), &effects)
        case .readRequest:
            // The client has not seen the first answer: one packet for one packet, without touching the timer.
            guard !self.isVerified, self.takeUnverifiedAnswer() else { return }
            self.retransmissionCount &+= 1
            effects.append(self.firstAnswer)
        case .writeRequest, .data, .optionAcknowledgement:
            self.finish(.protocolViolation, telling: (.illegalOperation, "only acknowledgements are expected here"), &effects)
        }
    }

    /// What the request is answered with: never more than one packet.
    private var firstAnswer: Effect {
        self.phase == .negotiating ? .sendOptionAcknowledgement(self.acceptedOptions) : .sendBlocks(first: 1, count: 1)
    }

    /// - Returns: Whether a client whose address may be forged is sent another packet.
    private mutating func takeUnverifiedAnswer() -> Bool {
        guard self.unverifiedAnswers < self.configuration.maximumUnverifiedAnswers else { return false }
        self.unverifiedAnswers += 1
        return true
    }

    private mutating func acknowledged(_ number: UInt16, now: Duration, _ effects: inout [Effect]) {
        switch self.phase {
        case .new, .finished:
            return
        case .negotiating:
            guard number == 0 else { return }
            self.isVerified = true
            self.measure(now: now)
            self.phase = .sending
            self.attempts = 0
            self.windowIsRepeated = false
            self.timeout = self.estimatedTimeout
            self.sendWindow(from: 1, now: now, &effects)
        case .sending:
            // Block numbers wrap after 65535; the distance to the last acknowledged block tells which round it is.
            let distance = UInt64(number &- UInt16(truncatingIfNeeded: self.acknowledgedBlock))
            if distance == 0 {
                if self.terms.windowSize > 1 { self.sawGap(isDuplicate: true, now: now, &effects) }
                return
            }
            guard distance <= self.lastSentBlock - self.acknowledgedBlock else { return }
            self.isVerified = true
            self.acknowledgedBlock += distance
            if self.acknowledgedBlock == self.lastBlock { return self.finish(.completed, &effects) }
            if self.isTakenOver {
                self.isTakenOver = false
                self.lastSentBlock = self.acknowledgedBlock
            }
            self.attempts = 0
            guard self.acknowledgedBlock == self.lastSentBlock else { return self.sawGap(isDuplicate: false, now: now, &effects) }
            self.measure(now: now)
            if !self.windowIsRepeated { self.burst = min(self.terms.windowSize, self.burst + max(1, self.terms.windowSize / 8)) }
            self.windowIsRepeated = false
            self.timeout = self.estimatedTimeout
            self.sendWindow(from: self.acknowledgedBlock + 1, now: now, &effects)
        }
    }

    /// A sign that a block is missing.
    private mutating func sawGap(isDuplicate: Bool, now: Duration, _ effects: inout [Effect]) {
        self.windowIsRepeated = true
        if !isDuplicate { self.timeout = self.estimatedTimeout }
        guard self.acknowledgedBlock >= self.trustedBlock else {
            // The client is where it says, so the window moves on with blocks that were not sent yet; after a pause it does so anyway.
            guard !isDuplicate, self.pausedAt == nil else { return }
            return self.sendWindow(from: self.lastSentBlock + 1, now: now, &effects)
        }
        self.repeatWindow(now: now, &effects)
    }

    /// Sends again what is in flight, in shorter bursts: the client may answer to either copy of each block.
    private mutating func repeatWindow(now: Duration, _ effects: inout [Effect]) {
        self.trustedBlock = self.lastSentBlock + UInt64(self.terms.windowSize)
        self.windowIsRepeated = true
        self.burst = max(1, self.burst / 2)
        self.retransmissionCount &+= 1
        self.sendWindow(from: self.acknowledgedBlock + 1, now: now, &effects)
    }

    private mutating func timerFired(now: Duration, _ effects: inout [Effect]) {
        guard let deadline = self.deadline, now >= deadline else { return }
        if self.isOverdue(now: now) { return self.finish(.tookTooLong, telling: (.undefined, "the transfer took too long"), &effects) }
        if let next = self.pausedAt { return self.sendWindow(from: max(next, self.acknowledgedBlock + 1), now: now, &effects) }
        guard self.attempts < self.configuration.maximumRetransmissions, self.isVerified || self.takeUnverifiedAnswer() else {
            let onlyTheEndIsOpen = self.acknowledgedBlock + UInt64(self.terms.windowSize) >= self.lastBlock
            return self.finish(self.phase == .sending && onlyTheEndIsOpen ? .completedUnconfirmed : .timedOut, &effects)
        }
        self.attempts += 1
        self.timeout = min(self.timeout * 2, max(self.configuration.maximumTimeout, self.requestedTimeout ?? .zero))
        guard self.phase == .negotiating else { return self.repeatWindow(now: now, &effects) }
        self.windowIsRepeated = true
        self.retransmissionCount &+= 1
        self.arm(now: now)
        effects.append(self.firstAnswer)
    }

    /// Sends the next burst from `first` on of the window that follows the last acknowledged block.
    private mutating func sendWindow(from first: UInt64, now: Duration, _ effects: inout [Effect]) {
        let end = min(self.acknowledgedBlock + UInt64(self.terms.windowSize), self.lastBlock)
        let last = min(first + UInt64(self.burst) - 1, end)
        self.pausedAt = last < end ? last + 1 : nil
        self.arm(now: now)
        guard first <= last else { return }
        self.lastSentBlock = max(last, self.lastSentBlock)
        self.windowSentAt = now
        effects.append(.sendBlocks(first: first, count: Int(last - first) + 1))
    }

    private mutating func finish(_ outcome: TransferOutcome, telling error: (TFTPErrorCode, String)? = nil, _ effects: inout [Effect]) {
        self.phase = .finished
        self.deadline = nil
        if let error { effects.append(.sendError(error.0, message: error.1)) }
        effects.append(.finished(outcome))
    }

    private func isOverdue(now: Duration) -> Bool {
        self.startedAt.map { now - $0 >= self.configuration.maximumDuration } ?? false
    }

    private mutating func arm(now: Duration) {
        guard self.pausedAt == nil else {
            self.deadline = now + min(max(self.smoothedRoundTrip ?? .zero, Self.shortestPause), Self.longestPause)
            return
        }
        // Who may not exist is not waited for as long as it likes.
        self.deadline = now + (self.isVerified ? self.timeout : min(self.timeout, self.configuration.maximumTimeout))
    }

    /// The pause between two bursts is a round trip, within these limits: what the shell's clock can tell, and a window of single blocks that
    /// ends before EDK2 asks again after 4 s.
    private static let shortestPause = Duration.milliseconds(2)
    private static let longestPause = Duration.milliseconds(50)

    private var requestedTimeout: Duration? { self.terms.timeoutSeconds.map { .seconds($0) } }

    /// RFC 6298's estimate, within the configured limits; the client's own number wins.
    private var estimatedTimeout: Duration {
        if let requested = self.requestedTimeout { return requested }
        guard let smoothed = self.smoothedRoundTrip else { return self.configuration.initialTimeout }
        let estimate = smoothed + self.roundTripVariation * 4
        return min(max(estimate, self.configuration.minimumTimeout), self.configuration.maximumTimeout)
    }

    /// Takes the time since the window was sent as one round trip, unless it was sent twice (Karn's rule).
    private mutating func measure(now: Duration) {
        guard !self.windowIsRepeated else { return }
        let sample = max(now - self.windowSentAt, .zero)
        guard let smoothed = self.smoothedRoundTrip else {
            self.smoothedRoundTrip = sample
            self.roundTripVariation = sample / 2
            return
        }
        let difference = smoothed > sample ? smoothed - sample : sample - smoothed
        self.roundTripVariation = (self.roundTripVariation * 3 + difference) / 4
        self.smoothedRoundTrip = (smoothed * 7 + sample) / 8
    }
}
