// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A map from numbers to slot numbers with open addressing in one array: no allocation except when it grows.
///
/// Entries move back on removal (no tombstones), so lookups stay short however long the process runs.
struct FlatIndex: Sendable {
    private struct Entry {
        var key: UInt64
        /// The value plus one; zero is a free entry.
        var value: UInt32
    }

    private var entries: [Entry]
    private var mask: Int
    private(set) var count = 0

    init(minimumCapacity: Int = 64) {
        var size = 64
        while size < minimumCapacity * 2 { size *= 2 }
        self.entries = Array(repeating: Entry(key: 0, value: 0), count: size)
        self.mask = size - 1
    }

    /// Fibonacci hashing with a fold: keys are addresses and MACs, which are dense in their low bits. A client can choose its
    /// MAC so that it collides; the table is at most half full, and addresses to be given bound how many clients are in it.
    private func home(of key: UInt64) -> Int {
        var mixed = key &* 0x9E37_79B9_7F4A_7C15
        mixed ^= mixed >> 32
        return Int(truncatingIfNeeded: (mixed &* 0xD6E8_FEB8_6659_FD93) >> 20) & self.mask
    }

    subscript(key: UInt64) -> Int? {
        var position = self.home(of: key)
        while self.entries[position].value != 0 {
            if self.entries[position].key == key { return Int(self.entries[position].value) - 1 }
            position = (position + 1) & self.mask
        }
        return nil
    }

    mutating func set(_ key: UInt64, to value: Int) {
        if (self.count + 1) * 2 > self.entries.count { self.grow() }
        var position = self.home(of: key)
        while self.entries[position].value != 0, self.entries[position].key != key {
            position = (position + 1) & self.mask
        }
        if self.entries[position].value == 0 { self.count += 1 }
        self.entries[position] = Entry(key: key, value: UInt32(truncatingIfNeeded: value) &+ 1)
    }

    mutating func remove(_ key: UInt64) {
        var hole = self.home(of: key)
        while self.entries[hole].value != 0, self.entries[hole].key != key {
            hole = (hole + 1) & self.mask
        }
        guard self.entries[hole].value != 0 else { return }
        self.count -= 1
        var position = hole
        while true {
            position = (position + 1) & self.mask
            guard self.entries[position].value != 0 else { break }
            let wanted = self.home(of: self.entries[position].key)
            // The entry may fill the hole if its home does not lie between the hole and where it is.
            if (position &- wanted) & self.mask >= (position &- hole) & self.mask {
                self.entries[hole] = self.entries[position]
                hole = position
            }
        }
        self.entries[hole].value = 0
    }

    private mutating func grow() {
        let old = self.entries
        self.entries = Array(repeating: Entry(key: 0, value: 0), count: old.count * 2)
        self.mask = self.entries.count - 1
        self.count = 0
        for entry in old where entry.value != 0 {
            self.set(entry.key, to: Int(entry.value) - 1)
        }
    }
}
