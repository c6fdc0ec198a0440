// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Keeps the files that machines ask for open, so that a request costs no path lookup and a file that is replaced is still sent whole.
final class ContentDescriptors: Sendable {
    private struct State {
        var open: [String: (content: OpenContent, lastUse: UInt64)] = [:]
        var useCount: UInt64 = 0
    }

    private let source: any ContentSource
    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameter capacity: The most files that are kept open; the one longest unused is closed first.
    init(source: any ContentSource, capacity: Int) {
        self.source = source
        self.capacity = max(1, capacity)
    }

    /// The file, or nil when the rack does not have it (any more).
    func content(ofDigest digest: String) -> OpenContent? {
        guard let path = self.source.path(ofDigest: digest) else {
            self.state.withLock { _ = $0.open.removeValue(forKey: digest) }
            return nil
        }
        let known: OpenContent? = self.state.withLock { state in
            state.useCount &+= 1
            state.open[digest]?.lastUse = state.useCount
            return state.open[digest]?.content
        }
        if let known { return known }
        guard let content = OpenContent(path: path) else { return nil }
        self.state.withLock { state in
            if state.open.count >= self.capacity, let oldest = state.open.min(by: { $0.value.lastUse < $1.value.lastUse })?.key {
                state.open[oldest] = nil
            }
            state.open[digest] = (content, state.useCount)
        }
        return content
    }
}
