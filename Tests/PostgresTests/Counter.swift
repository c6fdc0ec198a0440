// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A number that several tasks count up. (A local `Atomic` cannot be captured by more than one task.)
final class Counter: Sendable {
    private let storage = Atomic<Int>(0)

    var value: Int { self.storage.load(ordering: .sequentiallyConsistent) }

    @discardableResult
    func increment() -> Int { self.storage.add(1, ordering: .sequentiallyConsistent).newValue }
}

/// A list that several tasks append to.
final class Collected<Element: Sendable>: Sendable {
    private let storage = Mutex<[Element]>([])

    var elements: [Element] { self.storage.withLock { $0 } }

    func append(_ element: Element) { self.storage.withLock { $0.append(element) } }
}
