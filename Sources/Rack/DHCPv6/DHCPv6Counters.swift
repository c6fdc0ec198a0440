// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a service has counted since it started.
public struct DHCPv6Counters: Sendable, Hashable {
    public var received = 0
    /// Not DHCPv6, or damaged.
    public var malformed = 0
    public var solicits = 0
    public var advertisements = 0
    public var requests = 0
    public var replies = 0
    public var renewals = 0
    public var rebinds = 0
    public var confirms = 0
    public var releases = 0
    public var declines = 0
    public var informationRequests = 0
    /// Messages of clients that were not answered.
    public var silences = 0
    /// Messages beyond the rate that one client, or the segment, may have.
    public var limited = 0
    /// Requests to other DHCPv6 servers on the segment.
    public var foreignRequests = 0
    /// Options left out for want of room.
    public var omittedOptions = 0
    /// Answers that the network would not take.
    public var sendFailures = 0
    public var routerSolicitations = 0
    public var routerAdvertisements = 0
}
