// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a service has counted since it started.
public struct DHCPCounters: Sendable, Hashable {
    public var received = 0
    /// Not DHCP, or damaged.
    public var malformed = 0
    /// BOOTP without DHCP: never answered.
    public var bootp = 0
    public var discovers = 0
    public var offers = 0
    public var requests = 0
    public var acknowledgements = 0
    public var refusals = 0
    public var releases = 0
    public var declines = 0
    public var informs = 0
    /// Messages of clients that were not answered.
    public var silences = 0
    /// Requests for addresses of other DHCP servers on the segment.
    public var foreignRequests = 0
    /// Messages that came faster than the limits and waited for their answer.
    public var delayed = 0
    /// Messages for which there was no room to wait any more.
    public var overflow = 0
    /// Options left out for want of room.
    public var omittedOptions = 0
    /// Batches of bindings that a sudden end of the process would lose, for a moment.
    public var unrecorded = 0
    /// Answers that the network would not take.
    public var sendFailures = 0
}
