// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What became of addresses, coalesced by address: the newest state of each.
public struct LeaseReport: Sendable, Hashable, Codable {
    /// What an address is doing at a rack.
    public enum State: String, Sendable, Codable {
        /// A client has it.
        case bound
        /// The client gave it back; nobody else gets it in this generation.
        case released
        /// The client found it in use by somebody: quarantined.
        case declined
        /// Written off, but a crash took the knowledge to whom, if anybody.
        case undecided
    }

    public struct Entry: Sendable, Hashable, Codable {
        public var address: IPv4Address
        public var generation: UInt32
        public var state: State
        /// Nil when the client is not known.
        public var client: MACAddress?
        /// How long the lease lasts from now on.
        public var remainingSeconds: Int
        /// The name that the configuration gives the machine.
        public var hostname: String?

        public init(
            address: IPv4Address, generation: UInt32, state: State, client: MACAddress?, remainingSeconds: Int, hostname: String? = nil
        ) {
            self.hostname = hostname
            self.address = address
            self.generation = generation
            self.state = state
            self.client = client
            self.remainingSeconds = remainingSeconds
        }
    }

    public var segmentID: Int
    public var rack: SystemID
    public var entries: [Entry]

    public init(segmentID: Int, rack: SystemID, entries: [Entry]) {
        self.segmentID = segmentID
        self.rack = rack
        self.entries = entries
    }
}
