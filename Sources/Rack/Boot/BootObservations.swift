// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A bounded queue of observations from the boot services to whoever tells the region. When it is full the newest is lost and counted: the
/// beginning of a boot says more than its end, and serving never waits.
public final class BootObservations: Sendable {
    /// The observations in order; for one consumer.
    public let events: AsyncStream<BootObservation>
    private let continuation: AsyncStream<BootObservation>.Continuation
    private let losses = Atomic<Int>(0)

    /// - Parameter capacity: How many may wait.
    public init(capacity: Int = 4096) {
        (self.events, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(max(1, capacity)))
    }

    /// How many were lost since the start.
    public var lost: Int { self.losses.load(ordering: .relaxed) }

    public func record(_ observation: BootObservation) {
        if case .dropped = self.continuation.yield(observation) {
            self.losses.wrappingAdd(1, ordering: .relaxed)
        }
    }

    /// Ends the sequence.
    public func finish() {
        self.continuation.finish()
    }
}
