// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Bindings that a rack tells the other racks of its segment, so that any of them can extend them (rule R2).
public struct BindingReplication: Sendable, Hashable, Codable {
    public struct Update: Sendable, Hashable, Codable {
        public var address: IPv4Address
        public var generation: UInt32
        public var client: MACAddress
        /// Counted by the receiver from arrival (rule R10).
        public var remainingSeconds: Int

        public init(address: IPv4Address, generation: UInt32, client: MACAddress, remainingSeconds: Int) {
            self.address = address
            self.generation = generation
            self.client = client
            self.remainingSeconds = remainingSeconds
        }
    }

    public var segmentID: Int
    public var rack: SystemID
    public var updates: [Update]

    public init(segmentID: Int, rack: SystemID, updates: [Update]) {
        self.segmentID = segmentID
        self.rack = rack
        self.updates = updates
    }
}
