// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What happens to a rack's lease state besides clients' messages.
public enum LeaseEvent: Sendable, Hashable {
    /// Once, after the journal was read.
    case started
    /// At least once a second, and soon after ``LeaseCore/needsAttention`` became true.
    case timeElapsed
    /// Everything up to this sequence number is on disk.
    case persisted(through: UInt64)
    /// A write failed; what was asked for since is not on disk.
    case persistFailed
    case received(LeaseAuthorityMessage)
    case replicated(BindingReplication)
    /// True: this rack answers the segment's clients.
    case activated(Bool)
    /// True: there are other racks that want to know the bindings.
    case peersChanged(present: Bool)
    case reconfigured(LeaseSegment)
    /// Something answers for an address that no client has.
    case foundInUse(IPv4Address, by: MACAddress)
    /// The last one: the clean end of the journal.
    case stopping
}

/// What a rack's shell has to do, in this order.
public enum LeaseEffect: Sendable, Hashable {
    /// Append to the journal and make it durable, then report `persisted` with the number or `persistFailed`.
    case persist(LeaseRecord, sequence: UInt64)
    /// Replace the whole journal, atomically, then report like `persist`.
    case rewrite([LeaseRecord], sequence: UInt64)
    case send(LeaseRackMessage)
    case replicate(BindingReplication)
    case report(LeaseProblem)
}

/// What an operator should know.
public enum LeaseProblem: Sendable, Hashable {
    /// The journal cannot be written: known clients are served, new ones are not.
    case storageFailed
    case storageRecovered
    /// A message of another rack contradicts what this rack knows; it was ignored.
    case contradiction(Token)
    /// An address was declined by its client: something else uses it.
    case declined(Token)
    /// Something uses an address that nobody was given.
    case inUse(Token, by: MACAddress)
    /// More addresses than the configured bound; the rest is ignored.
    case tooManyAddresses
}
