// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Leasing

/// What a rack knows of another one on a segment.
///
/// Silence is counted in time in which we listened, not between two moments: a detector that was not running has heard nothing and may
/// conclude nothing.
struct SegmentPeer: Sendable {
    let rack: SystemID
    /// Its last pulse.
    var pulse: Pulse
    /// Listened without a pulse.
    var silence = Duration.zero
    /// Listened without a word of it by gossip.
    var gossipSilence = Duration.seconds(3_600)
    /// What it said last by gossip of the segment.
    var saysServing = false
    /// Gossip lost it, or another observer did.
    var isLost = false
    /// Its process is gone, by proof; until a new boot is heard.
    var isDead = false
    /// It does not hear us, nor anybody else.
    var deafness = Duration.zero
    /// For how long its DHCP has been said to be stuck.
    var stuck = Duration.zero

    init(pulse: Pulse) {
        self.rack = pulse.rack
        self.pulse = pulse
    }

    /// Whether gossip has heard it lately.
    func isAliveByGossip(_ terms: SuccessionTerms) -> Bool {
        !self.isLost && !self.isDead && self.gossipSilence < terms.silence
    }

    /// Whether it could take over, as far as we hear.
    func isReady(_ terms: SuccessionTerms) -> Bool {
        (self.pulse.role == .standby || self.pulse.role == .claiming) && !self.isDead && self.silence < terms.standbySilence
    }
}
