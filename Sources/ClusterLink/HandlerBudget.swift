// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How many messages all links of one end may have in the hands of handlers. A handler outlives the link that its message came on, so a
/// peer that reconnects again and again would get around the limit of each link.
final class HandlerBudget: Sendable {
    private let available: Mutex<Int>

    init(_ maximum: Int) {
        self.available = Mutex(maximum)
    }

    /// Whether one more may begin.
    func take() -> Bool {
        self.available.withLock { available in
            guard available > 0 else { return false }
            available -= 1
            return true
        }
    }

    /// One has ended.
    func giveBack() {
        self.available.withLock { $0 += 1 }
    }
}
