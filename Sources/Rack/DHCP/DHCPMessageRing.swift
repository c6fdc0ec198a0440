// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Leasing

/// Messages that wait to be answered, in the order in which they came. All room is set aside at the start, and costs memory only once used.
@safe struct DHCPMessageRing: ~Copyable {
    /// A frame of Ethernet; nothing longer waits.
    static let slotSize = 1_500

    private struct Entry {
        var length = 0
        var notBefore = Instant.distantPast
    }

    private let bytes: UnsafeMutableRawBufferPointer
    private var entries: [Entry]
    private var first = 0
    private(set) var count = 0

    init(capacity: Int) {
        self.entries = Array(repeating: Entry(), count: max(1, capacity))
        unsafe self.bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, capacity) * Self.slotSize, alignment: 16)
    }

    deinit {
        unsafe self.bytes.deallocate()
    }

    /// Takes a message in; false when there is no room.
    mutating func append(_ message: UnsafeBufferPointer<UInt8>, notBefore: Instant) -> Bool {
        guard self.count < self.entries.count, message.count <= Self.slotSize else { return false }
        let index = (self.first + self.count) % self.entries.count
        unsafe self.slot(index).copyMemory(from: UnsafeRawBufferPointer(message))
        self.entries[index] = Entry(length: message.count, notBefore: notBefore)
        self.count += 1
        return true
    }

    /// When the first message may be answered; nil when none waits.
    var firstNotBefore: Instant? { self.count > 0 ? self.entries[self.first].notBefore : nil }

    /// Takes the first message out.
    ///
    /// - Returns: its bytes, which stay until the next `append`.
    mutating func removeFirst() -> UnsafeBufferPointer<UInt8> {
        guard self.count > 0 else { return unsafe UnsafeBufferPointer(start: nil, count: 0) }
        let slot = unsafe UnsafeRawBufferPointer(rebasing: self.slot(self.first)[..<self.entries[self.first].length])
        self.first = (self.first + 1) % self.entries.count
        self.count -= 1
        return unsafe slot.bindMemory(to: UInt8.self)
    }

    private func slot(_ index: Int) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(rebasing: self.bytes[(index * Self.slotSize)..<((index + 1) * Self.slotSize)])
    }
}
