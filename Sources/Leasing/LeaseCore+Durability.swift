// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Bindings between the moment that they are decided and the moment that the journal has them.
///
/// Safety never depends on these: the address was written off on disk before (rule R1). They are about a client that finds its
/// address again after the rack was killed, or lost its power.
extension LeaseCore {
    /// The binding of an address, as long as the journal does not have it on disk; nil afterwards.
    public func bindingAwaitingDisk(of address: IPv4Address) -> AddressRecord? {
        guard let index = self.table.index(of: address), self.table[index].isAwaitingDisk, self.table[index].state == .bound else { return nil }
        return self.record(index)
    }

    mutating func finish(bindings slots: [Int32]) {
        for slot in slots where !self.table[Int(slot)].isUnrecorded { self.table[Int(slot)].isAwaitingDisk = false }
    }

    /// Takes in who has an address that the journal only knows to be written off. In one generation it cannot be anybody else, so
    /// what an old record says is true, or about a generation that is over and ignored.
    mutating func remember(_ record: AddressRecord, now: Instant) {
        guard record.state == .bound, record.client.rawValue != 0, let index = self.table.index(of: record.address),
            self.table[index].state == .undecided, self.table[index].generation == record.generation,
            self.table[index].floor <= record.generation
        else { return }
        self.table[index].state = .bound
        self.table[index].client = record.client.rawValue
        self.table[index].expiry = now.advanced(byNanoseconds: self.terms.lengthened(self.terms.maximumLeaseSeconds))
    }
}
