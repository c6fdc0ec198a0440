// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Wakes one loop: rings that come while it is busy are heard once, afterwards.
struct Doorbell: Sendable {
    let rings: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (self.rings, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func ring() {
        self.continuation.yield()
    }
}
