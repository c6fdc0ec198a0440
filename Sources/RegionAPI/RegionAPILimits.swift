// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import HTTPForms

/// Bounds of the API server.
public struct RegionAPILimits: Sendable, Hashable {
    /// Bytes of a request's body. Default 1 MiB: the biggest forms hold user data of 64 KiB or some thousand ids.
    public var maximumBodyBytes: Int = 1 << 20
    /// Bytes of what a machine posts as results. Default 64 MiB: logs of memory tests are that long.
    public var maximumResultBytes: Int = 64 << 20
    /// Default 4096 connections on each listener; more wait in the backlog.
    public var maximumConnections: Int = 4096
    /// A connection without a request for so long is closed. Default 75 s: longer than the common keep-alive of clients.
    public var idleSeconds: Int = 75
    /// Event streams at once; more get 503. Default 256.
    public var maximumEventStreams: Int = 256
    /// Notices that wait for one slow reader of an event stream; one that falls further behind is cut off and resumes. Default 1024.
    public var maximumQueuedNotices: Int = 1024
    /// Between signs of life on an event stream. Default 15 s.
    public var heartbeatSeconds: Int = 15
    /// Wrong passwords of one user name within a minute; further tries get 429. Default 10.
    public var maximumPasswordFailures: Int = 10
    /// User names whose wrong passwords are counted; the oldest is forgotten. Default 4096.
    public var maximumWatchedUsers: Int = 4096
    /// Passwords checked at once; each takes 32 MiB and 50 ms. Default 2.
    public var concurrentPasswordChecks: Int = 2
    public var form: FormLimits = FormLimits()

    public init() {}
}
