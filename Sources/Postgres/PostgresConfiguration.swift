// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Where the database is, and every bound on the use of it.
public struct PostgresConfiguration: Sendable {
    /// A libpq connection URL or keyword string. Several hosts with `target_session_attrs=read-write` find the primary
    /// of a replicated database. May hold a password: never log it.
    public var connection: String
    /// How the server names our sessions (`pg_stat_activity`). Default `gantry`.
    public var applicationName = "gantry"
    /// Connections open at once. Default 8, 1…512: a Postgres process each, so a small multiple of its cores.
    public var maximumConnections = 8
    /// Reads that share one connection when none is idle. Default 8, 1…1024.
    public var maximumPipelineDepth = 8
    /// Callers that may wait for a connection; one more is refused at once. Default 1024.
    public var maximumWaiters = 1_024
    /// How long a caller waits for a connection. Default 10 s.
    public var acquireTimeout = Duration.seconds(10)
    /// How long opening a connection may take, over all hosts. Default 10 s.
    public var connectTimeout = Duration.seconds(10)
    /// How long a statement may run. The server is told (`statement_timeout`), and asked to cancel when it does not
    /// answer by itself. Default 30 s.
    public var statementTimeout = Duration.seconds(30)
    /// How long to wait for the answer to a cancel request before the connection is closed. Default 5 s.
    public var cancelGrace = Duration.seconds(5)
    /// Idle connections beyond the first are closed after this time. Default 5 min.
    public var idleTimeout = Duration.seconds(300)
    /// Connections idle for this long are asked `SELECT 1`, which finds dead peers. Default 15 s.
    public var probeInterval = Duration.seconds(15)
    /// Pause after a first failed attempt to connect; doubled each time, with jitter. Default 50 ms.
    public var backoffMinimum = Duration.milliseconds(50)
    /// Longest pause between attempts to connect. Default 5 s.
    public var backoffMaximum = Duration.seconds(5)
    /// Prepared statements kept per connection; the least recently used goes first. Default 256.
    public var preparedStatementLimit = 256
    /// Notifications kept per listener that is slow to read; the oldest goes first. Default 64.
    public var notificationBuffer = 64

    /// A configuration with the defaults above.
    public init(_ connection: String) {
        self.connection = connection
    }

    /// The first setting that is out of its range, in words; `nil` when all are fine.
    var problem: String? {
        let ranges: [(String, Int, ClosedRange<Int>)] = [
            ("maximumConnections", self.maximumConnections, 1...512),
            ("maximumPipelineDepth", self.maximumPipelineDepth, 1...1_024),
            ("maximumWaiters", self.maximumWaiters, 1...1_000_000),
            ("preparedStatementLimit", self.preparedStatementLimit, 1...10_000),
            ("notificationBuffer", self.notificationBuffer, 1...100_000),
        ]
        for (name, value, range) in ranges where !range.contains(value) {
            return "\(name) is \(value), expected \(range.lowerBound) to \(range.upperBound)"
        }
        let durations: [(String, Duration)] = [
            ("acquireTimeout", self.acquireTimeout), ("connectTimeout", self.connectTimeout),
            ("statementTimeout", self.statementTimeout), ("cancelGrace", self.cancelGrace),
            ("idleTimeout", self.idleTimeout), ("probeInterval", self.probeInterval),
            ("backoffMinimum", self.backoffMinimum), ("backoffMaximum", self.backoffMaximum),
        ]
        for (name, value) in durations where value < .milliseconds(1) || value > .seconds(86_400) {
            return "\(name) is \(value), expected 1 ms to 1 day"
        }
        if self.backoffMaximum < self.backoffMinimum { return "backoffMaximum is less than backoffMinimum" }
        return nil
    }
}
