// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

/// The addresses of one segment in flat storage: slots, found by address and by client, and queues through them.
struct AddressTable: Sendable {
    private(set) var slots: [AddressSlot] = []
    private var byAddress: FlatIndex
    /// The binding that a client had last, among those known here.
    private var byClient: FlatIndex
    let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        self.byAddress = FlatIndex()
        self.byClient = FlatIndex()
    }

    subscript(index: Int) -> AddressSlot {
        get { self.slots[index] }
        _modify { yield &self.slots[index] }
    }

    func index(of address: IPv4Address) -> Int? {
        self.byAddress[UInt64(address.rawValue)]
    }

    /// The slot of an address, made when it is new; nil when the table is full.
    mutating func indexMakingSlot(of address: IPv4Address) -> Int? {
        if let index = self.index(of: address) { return index }
        guard self.slots.count < self.capacity else { return nil }
        self.slots.append(AddressSlot(address: address.rawValue))
        self.byAddress.set(UInt64(address.rawValue), to: self.slots.count - 1)
        return self.slots.count - 1
    }

    func binding(of client: UInt64) -> Int? {
        guard let index = self.byClient[client], self.slots[index].client == client else { return nil }
        return self.slots[index].state == .bound ? index : nil
    }

    /// The offer that a client holds.
    func offer(to client: UInt64) -> Int? {
        guard let index = self.byClient[client], self.slots[index].client == client else { return nil }
        return self.slots[index].state == .ready ? index : nil
    }

    mutating func link(client: UInt64, to index: Int) {
        self.byClient.set(client, to: index)
    }

    /// Takes a client's way to this slot away, if it leads here.
    mutating func unlink(client: UInt64, from index: Int) {
        if client != 0, self.byClient[client] == index { self.byClient.remove(client) }
    }

    mutating func append(_ index: Int, to queue: inout SlotQueue) {
        let number = Int32(truncatingIfNeeded: index)
        self.slots[index].previous = queue.tail
        self.slots[index].next = -1
        if queue.tail >= 0 { self.slots[Int(queue.tail)].next = number } else { queue.head = number }
        queue.tail = number
        queue.count += 1
    }

    mutating func remove(_ index: Int, from queue: inout SlotQueue) {
        let previous = self.slots[index].previous
        let next = self.slots[index].next
        if previous >= 0 { self.slots[Int(previous)].next = next } else { queue.head = next }
        if next >= 0 { self.slots[Int(next)].previous = previous } else { queue.tail = previous }
        self.slots[index].previous = -1
        self.slots[index].next = -1
        queue.count -= 1
    }
}
