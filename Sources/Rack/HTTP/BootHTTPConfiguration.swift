// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The settings of the HTTP boot server.
public struct BootHTTPConfiguration: Sendable, Hashable {
    /// The address to listen on; `::` is every address of both versions of IP.
    public var address: String
    /// TCP port; 0 for any free one. 5248 is MAAS's.
    public var port: Int
    /// Connections at the same time; more are closed at once.
    public var maximumConnections: Int
    /// Octets of all header fields of a request, and of one field. Loaders send a few hundred, OAuth headers a thousand.
    public var maximumHeaderBytes: Int
    /// Octets of a request to `/MAAS/`: the results of a commissioning script, such as a big lshw.
    public var maximumBodyBytes: Int
    /// Octets of all requests that wait for a region together.
    public var maximumBufferedBytes: Int
    /// A connection is closed when neither a request nor progress of an answer was seen for so long.
    public var idleTimeout: Duration
    /// How long a request for a file waits for the rack to fetch it. EDK2 gives up after 5 s of silence, and then asks again.
    public var fetchDeadline: Duration
    /// How long a request to `/MAAS/` waits for a region.
    public var forwardDeadline: Duration
    /// Seconds after which a machine may ask again for what is not there yet.
    public var retryAfterSeconds: Int
    /// Files that are kept open.
    public var maximumOpenFiles: Int
    /// How long answers may go on when the process shuts down.
    public var drainTime: Duration

    public init(
        address: String = "::", port: Int = 5248, maximumConnections: Int = 1024, maximumHeaderBytes: Int = 32 * 1024,
        maximumBodyBytes: Int = 64 << 20, maximumBufferedBytes: Int = 256 << 20, idleTimeout: Duration = .seconds(60),
        fetchDeadline: Duration = .seconds(20), forwardDeadline: Duration = .seconds(60), retryAfterSeconds: Int = 2,
        maximumOpenFiles: Int = 128, drainTime: Duration = .seconds(10)
    ) {
        self.address = address
        self.port = port
        self.maximumConnections = maximumConnections
        self.maximumHeaderBytes = maximumHeaderBytes
        self.maximumBodyBytes = maximumBodyBytes
        self.maximumBufferedBytes = maximumBufferedBytes
        self.idleTimeout = idleTimeout
        self.fetchDeadline = fetchDeadline
        self.forwardDeadline = forwardDeadline
        self.retryAfterSeconds = retryAfterSeconds
        self.maximumOpenFiles = maximumOpenFiles
        self.drainTime = drainTime
    }
}
