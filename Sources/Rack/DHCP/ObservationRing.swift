// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What DHCP over IPv4 saw on one segment.
public typealias DHCPObservations = ObservationRing<DHCPObservation>

/// The observations of one service, in order; for one consumer.
///
/// Bounded: when nobody takes them, the newest are lost and counted, because the beginning of a boot says more than its end.
/// The storage is allocated once, so that noting one on the packet path costs no allocation.
public final class ObservationRing<Element: Sendable>: AsyncSequence, Sendable {
    public typealias Failure = Never

    private struct Ring {
        var items: [Element?]
        var first = 0
        var count = 0
        var lost = 0
        var isFinished = false
    }

    private let ring: Mutex<Ring>
    private let wakeups: AsyncStream<Void>
    private let wakeup: AsyncStream<Void>.Continuation

    init(capacity: Int) {
        self.ring = Mutex(Ring(items: Array(repeating: nil, count: Swift.max(1, capacity))))
        (self.wakeups, self.wakeup) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// How many were lost since the start.
    public var lost: Int { self.ring.withLock { $0.lost } }

    /// Takes one in; the consumer is not woken, see ``wake()``.
    func record(_ observation: Element) {
        self.ring.withLock { ring in
            guard ring.count < ring.items.count else {
                ring.lost &+= 1
                return
            }
            ring.items[(ring.first + ring.count) % ring.items.count] = observation
            ring.count += 1
        }
    }

    /// Lets the consumer look. Apart from ``record(_:)``, because waking a task allocates.
    func wake() {
        guard self.ring.withLock({ $0.count > 0 }) else { return }
        self.wakeup.yield()
    }

    func finish() {
        self.ring.withLock { $0.isFinished = true }
        self.wakeup.finish()
    }

    /// How many are taken at a time.
    private static var batch: Int { 256 }

    /// Fills an empty array with the oldest ones.
    private func take(_ taken: inout [Element]) -> Bool {
        self.ring.withLock { ring in
            let count = Swift.min(ring.count, Self.batch)
            for _ in 0..<count {
                if let item = ring.items[ring.first] { taken.append(item) }
                ring.first = (ring.first + 1) % ring.items.count
            }
            ring.count -= count
            return ring.isFinished
        }
    }

    public struct Iterator: AsyncIteratorProtocol {
        let observations: ObservationRing
        var wakeups: AsyncStream<Void>.Iterator
        /// Taken out, and given to the caller up to here.
        private var taken: [Element] = []
        private var position = 0

        init(_ observations: ObservationRing, _ wakeups: AsyncStream<Void>.Iterator) {
            self.observations = observations
            self.wakeups = wakeups
        }

        public mutating func next() async -> Element? {
            await self.next(isolation: #isolation)
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async -> Element? {
            while true {
                if self.position < self.taken.count {
                    self.position += 1
                    return self.taken[self.position - 1]
                }
                self.taken.removeAll(keepingCapacity: true)
                self.position = 0
                let isFinished = self.observations.take(&self.taken)
                if !self.taken.isEmpty { continue }
                // After the last wake-up there may be some that came with it.
                if isFinished { return nil }
                _ = await self.wakeups.next(isolation: actor)
                if Task.isCancelled { return nil }
            }
        }
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(self, self.wakeups.makeAsyncIterator())
    }
}
