// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The times by which racks take over from one another; the same on all racks of a segment.
public struct SuccessionTerms: Sendable, Hashable {
    /// Between two pulses of the active rack. At a fixed detection time more pulses beat longer timeouts: 16 of them in 800 ms are
    /// missed once in millions of hours at 20 % loss.
    public var pulseInterval: Duration
    /// Between two pulses of a standby.
    public var standbyInterval: Duration
    /// How long an active rack must be silent before a standby suspects it.
    public var silence: Duration
    /// After which silence a standby no longer counts as ready.
    public var standbySilence: Duration
    /// A gap in our own schedule that makes us doubt what we know.
    public var schedulingGap: Duration
    /// How long a rack that was frozen listens before it goes on.
    public var frozenListening: Duration
    /// How much later each rank claims than the one before it.
    public var rankDelay: Duration
    /// The age of the active rack's last progress at which it is asked to yield.
    public var stuckAge: Duration
    /// How long a rack that was asked to yield, or that hears nobody, may go on.
    public var patience: Duration
    /// How long an active rack may hear none of the standbys.
    public var deafness: Duration
    /// How long a client's broadcast proves that our own link works.
    public var clientProof: Duration
    /// How long a rack that came back is asked last; doubled with each takeover that it suffered lately, up to an hour.
    public var holdDown: Duration
    /// How long a rack that drains waits for its transfers.
    public var drain: Duration
    /// How long the rack that was named as successor may take to claim.
    public var handover: Duration

    public init(
        pulseInterval: Duration = .milliseconds(50), standbyInterval: Duration = .milliseconds(500), silence: Duration = .milliseconds(800),
        standbySilence: Duration = .milliseconds(1_600), schedulingGap: Duration = .milliseconds(400),
        frozenListening: Duration = .milliseconds(150), rankDelay: Duration = .milliseconds(150), stuckAge: Duration = .seconds(2),
        patience: Duration = .seconds(1), deafness: Duration = .seconds(3), clientProof: Duration = .seconds(5),
        holdDown: Duration = .seconds(60), drain: Duration = .seconds(60), handover: Duration = .seconds(2)
    ) {
        self.pulseInterval = pulseInterval
        self.standbyInterval = standbyInterval
        self.silence = silence
        self.standbySilence = standbySilence
        self.schedulingGap = schedulingGap
        self.frozenListening = frozenListening
        self.rankDelay = rankDelay
        self.stuckAge = stuckAge
        self.patience = patience
        self.deafness = deafness
        self.clientProof = clientProof
        self.holdDown = holdDown
        self.drain = drain
        self.handover = handover
    }

    public static let standard = SuccessionTerms()
}
