// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

/// Bodies to be run at their times; those of equal time in the order in which they were pushed.
struct EventQueue {
    private var heap: [(time: Double, number: Int, body: () -> Void)] = []
    private var pushed = 0

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        (self.heap[left].time, self.heap[left].number) < (self.heap[right].time, self.heap[right].number)
    }

    mutating func push(time: Double, _ body: @escaping () -> Void) {
        self.pushed += 1
        self.heap.append((time, self.pushed, body))
        var index = self.heap.count - 1
        while index > 0, self.precedes(index, (index - 1) / 2) {
            self.heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func pop() -> (Double, () -> Void)? {
        guard let first = self.heap.first else { return nil }
        let last = self.heap.removeLast()
        if !self.heap.isEmpty {
            self.heap[0] = last
            var index = 0
            while true {
                var least = index
                for child in [2 * index + 1, 2 * index + 2] where child < self.heap.count && self.precedes(child, least) { least = child }
                if least == index { break }
                self.heap.swapAt(index, least)
                index = least
            }
        }
        return (first.time, first.body)
    }
}

/// A small generator whose whole state is its seed (SplitMix64).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func double(_ low: Double, _ high: Double) -> Double {
        low + (high - low) * Double(self.next() >> 11) / Double(1 << 53)
    }

    mutating func chance(_ probability: Double) -> Bool { self.double(0, 1) < probability }

    /// A waiting time with that many events a second: the sum of uniform numbers would do as well, but this has a tail.
    mutating func exponential(_ rate: Double) -> Double {
        var value = 0.0
        // A geometric number of half-lives, then a uniform part of one: close to exponential, and without a logarithm.
        while self.chance(0.5), value < 40 { value += 1 }
        return (value + self.double(0, 1)) * 0.6931 / rate
    }
}
