// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// Lets threads through in threes: nobody passes unless three run at the same time.
final class Barrier: Sendable {
    private let inside = Mutex((arrived: 0, now: 0, most: 0))
    private let semaphore = DispatchSemaphore(value: 0)

    /// How many were inside at once.
    var most: Int { self.inside.withLock { $0.most } }

    func waitForThree() {
        let isThird = self.inside.withLock { inside in
            inside.arrived += 1
            inside.now += 1
            inside.most = max(inside.most, inside.now)
            return inside.arrived.isMultiple(of: 3)
        }
        if isThird {
            self.semaphore.signal()
            self.semaphore.signal()
        } else {
            self.semaphore.wait()
        }
        self.inside.withLock { $0.now -= 1 }
    }
}

/// Holds threads until it is opened.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func wait() {
        self.semaphore.wait()
        self.semaphore.signal()
    }

    func open() {
        self.semaphore.signal()
    }
}
