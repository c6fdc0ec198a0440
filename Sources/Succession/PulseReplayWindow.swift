// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Which pulses are new: a frame that was heard before says nothing about now.
///
/// A rack's numbers only rise. A boot that was not heard before is believed when gossip has named it, or, while gossip has named none, the
/// first time: the frame's key is hours old at most.
public struct PulseReplayWindow: Sendable {
    private struct Source: Sendable {
        var rack: SystemID
        var boot: UInt64
        var sequence: UInt64
        var isConfirmed: Bool
    }

    /// Ensembles are of two to five racks.
    private static let maximumSources = 32
    private var sources: [Source] = []

    public init() {}

    /// Takes gossip's word, which comes over TLS, for a rack's boot.
    public mutating func confirm(_ rack: SystemID, boot: UInt64) {
        if let index = self.sources.firstIndex(where: { $0.rack == rack }) {
            let sequence = self.sources[index].boot == boot ? self.sources[index].sequence : 0
            self.sources[index] = Source(rack: rack, boot: boot, sequence: sequence, isConfirmed: true)
        } else if self.sources.count < Self.maximumSources {
            self.sources.append(Source(rack: rack, boot: boot, sequence: 0, isConfirmed: true))
        }
    }

    /// Whether the pulse is newer than all before it; if so it counts as heard.
    public mutating func accepts(_ pulse: Pulse) -> Bool {
        guard let index = self.sources.firstIndex(where: { $0.rack == pulse.rack }) else {
            guard self.sources.count < Self.maximumSources else { return false }
            self.sources.append(Source(rack: pulse.rack, boot: pulse.boot, sequence: pulse.sequence, isConfirmed: false))
            return true
        }
        if self.sources[index].boot == pulse.boot {
            guard pulse.sequence > self.sources[index].sequence else { return false }
            self.sources[index].sequence = pulse.sequence
            return true
        }
        guard !self.sources[index].isConfirmed else { return false }
        self.sources[index] = Source(rack: pulse.rack, boot: pulse.boot, sequence: pulse.sequence, isConfirmed: false)
        return true
    }
}
