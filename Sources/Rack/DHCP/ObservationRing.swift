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

    private func take() -> (Element?, isFinished: Bool) {
        self.ring.withLock { ring in
            guard ring.count > 0 else { return (nil, ring.isFinished) }
            let item = ring.items[ring.first]
            ring.first = (ring.first + 1) % ring.items.count
            ring.count -= 1
            return (item, ring.isFinished)
        }
    }

    public struct Iterator: AsyncIteratorProtocol {
        let observations: ObservationRing
        var wakeups: AsyncStream<Void>.Iterator

        public mutating func next() async -> Element? {
            await self.next(isolation: #isolation)
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async -> Element? {
            while true {
                let (item, isFinished) = self.observations.take()
                if let item { return item }
                if isFinished { return nil }
                guard await self.wakeups.next(isolation: actor) != nil else { return self.observations.take().0 }
            }
        }
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(observations: self, wakeups: self.wakeups.makeAsyncIterator())
    }
}
