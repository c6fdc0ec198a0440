// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a rack is on a segment, as its pulses say it.
public enum SegmentRole: UInt8, Sendable, Hashable, CaseIterable, Codable {
    /// Getting a grant and the bindings of the others; may go to standby, or be detached.
    case joining = 0
    /// Ready to take over.
    case standby = 1
    /// Taking over: has raised the term and lets others object for one pulse.
    case claiming = 2
    /// Answers the service address.
    case active = 3
    /// Answers the service address until its successor does.
    case draining = 4
    /// Has no link on the segment; sends nothing.
    case detached = 5
    /// Was not run for a while and listens before it goes on; sends nothing.
    case frozenCheck = 6
    /// May not answer: its grant ended, it was fenced, or its certificate is revoked; sends nothing. Only joining leads out.
    case fenced = 7

    /// Whether this rack answers for the segment.
    public var isServing: Bool { self == .active || self == .draining }

    /// Whether a rack in this role sends pulses.
    public var isHeard: Bool {
        switch self {
        case .joining, .standby, .claiming, .active, .draining: true
        case .detached, .frozenCheck, .fenced: false
        }
    }
}
