// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Addresses that something uses which never asked for them.
extension LeaseCore {
    /// The addresses that are given out next, in that order: those worth a look whether somebody uses them.
    public func upcomingAddresses(_ limit: Int, now: Instant) -> [IPv4Address] {
        guard self.isActive, !self.isStopped, self.isGranted(now: now) else { return [] }
        var addresses: [IPv4Address] = []
        var next = self.readyQueue.head
        while next >= 0, addresses.count < limit {
            let slot = self.table[Int(next)]
            if slot.client == 0 || slot.expiry <= now { addresses.append(IPv4Address(rawValue: slot.address)) }
            next = slot.next
        }
        return addresses
    }

    /// Sets an address aside that somebody uses, if it is still to be given out. A client to which it was offered meanwhile is refused and
    /// starts again.
    mutating func setAside(_ address: IPv4Address, usedBy device: MACAddress, now: Instant, into effects: inout [LeaseEffect]) {
        guard let index = self.table.index(of: address), self.table[index].state == .ready, self.table[index].reservedFor == 0 else { return }
        self.dequeue(index)
        self.table.unlink(client: self.table[index].client, from: index)
        self.table[index].client = 0
        self.table[index].state = .quarantined
        self.table[index].expiry = now.advanced(bySeconds: self.terms.quarantineSeconds)
        self.noteChange(index, replicated: true)
        effects.append(.report(.inUse(self.table[index].token(self.table[index].generation), by: device)))
    }
}
