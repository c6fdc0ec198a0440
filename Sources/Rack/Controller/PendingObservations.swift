// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages

/// What a rack saw and its region has not been told, oldest first. Bounded: the oldest are dropped, and counted.
struct PendingObservations {
    /// In the form that costs least until it is sent: most of a storm never is.
    enum Seen {
        case dhcp(DHCPObservation)
        case boot(RackObservation)
    }

    /// 20,000 are about 4 MB: an hour of a busy rack without a region.
    static let maximum = 20_000

    private var items: [Seen] = []
    /// What lies before it in `items` is gone; cut off only now and then, because that moves all others.
    private var first = 0
    private(set) var lost = 0

    var count: Int { self.items.count - self.first }

    mutating func append(_ seen: Seen) {
        if self.count >= Self.maximum {
            self.removeFirst(1)
            self.lost += 1
        }
        self.items.append(seen)
    }

    func prefix(_ count: Int) -> ArraySlice<Seen> {
        self.items[self.first..<min(self.first + count, self.items.count)]
    }

    mutating func removeFirst(_ count: Int) {
        self.first = min(self.first + count, self.items.count)
        guard self.first * 2 > self.items.count else { return }
        self.items.removeFirst(self.first)
        self.first = 0
    }
}
