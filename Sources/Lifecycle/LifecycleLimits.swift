// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// How long the phases of an operation may take, and how often a BMC is told again.
public struct LifecycleLimits: Sendable, Hashable {
    /// From telling the BMC until the ephemeral OS reports. Default 30 minutes, MAAS's `node_timeout`: servers with much
    /// memory need ten for their self test.
    public var boot: Duration = .seconds(1800)
    /// Between two signs of life of the ephemeral OS. Default 30 minutes; the agent's heartbeat is each 2 minutes.
    public var silence: Duration = .seconds(1800)
    /// From the end of the installation until the installed system reports. Default 30 minutes.
    public var reboot: Duration = .seconds(1800)
    /// For a power action with all its tries. Default 10 minutes.
    public var power: Duration = .seconds(600)
    /// Waits before the second and later tries of a power action, in seconds (MAAS's for IPMI).
    public var powerBackoffSeconds: [Int] = [4, 8, 16, 32]

    public init() {}
}
