// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// When each transfer needs attention next: a binary heap of slots, so that a wake costs what is due and not what is open.
///
/// A slot's time may move later with each packet. Then its place in the heap is left alone: it comes up too early, and whoever takes it
/// schedules it anew.
struct TransferTimers {
    private var heap: [Int] = []
    /// Where each slot is in the heap; nil when it is not.
    private var places: [Int?]
    private var times: [Duration]

    /// - Parameter slots: How many slots there are.
    init(slots: Int) {
        self.places = Array(repeating: nil, count: slots)
        self.times = Array(repeating: .zero, count: slots)
        self.heap.reserveCapacity(slots)
    }

    /// The first time that something may be due; nil when nothing is scheduled.
    var earliest: Duration? { self.heap.first.map { self.times[$0] } }

    /// Sees to it that the slot comes up at this time or earlier.
    mutating func schedule(_ slot: Int, at time: Duration) {
        if let place = self.places[slot] {
            guard time < self.times[slot] else { return }
            self.times[slot] = time
            self.rise(from: place)
        } else {
            self.times[slot] = time
            self.heap.append(slot)
            self.places[slot] = self.heap.count - 1
            self.rise(from: self.heap.count - 1)
        }
    }

    /// Takes out a slot whose time has come.
    mutating func takeDue(by now: Duration) -> Int? {
        guard let slot = self.heap.first, self.times[slot] <= now else { return nil }
        let last = self.heap.removeLast()
        self.places[slot] = nil
        if last != slot {
            self.put(last, at: 0)
            self.sink(from: 0)
        }
        return slot
    }

    private mutating func put(_ slot: Int, at place: Int) {
        self.heap[place] = slot
        self.places[slot] = place
    }

    private mutating func rise(from start: Int) {
        var place = start
        let slot = self.heap[place]
        while place > 0 {
            let parent = (place - 1) / 2
            guard self.times[slot] < self.times[self.heap[parent]] else { break }
            self.put(self.heap[parent], at: place)
            place = parent
        }
        self.put(slot, at: place)
    }

    private mutating func sink(from start: Int) {
        var place = start
        let slot = self.heap[place]
        while true {
            var child = place * 2 + 1
            guard child < self.heap.count else { break }
            if child + 1 < self.heap.count, self.times[self.heap[child + 1]] < self.times[self.heap[child]] { child += 1 }
            guard self.times[self.heap[child]] < self.times[slot] else { break }
            self.put(self.heap[child], at: place)
            place = child
        }
        self.put(slot, at: place)
    }
}
