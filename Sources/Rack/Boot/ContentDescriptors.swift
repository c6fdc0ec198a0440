// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Keeps the files that machines ask for open, so that a request costs no path lookup and a file that is replaced is still sent whole.
final class ContentDescriptors: Sendable {
    private struct State {
        var open: [String: (content: OpenContent, lastUse: UInt64, lookedUp: Duration)] = [:]
        var useCount: UInt64 = 0
    }

    private let source: any ContentSource
    private let capacity: Int
    private let hotLimit: Int
    private let state = Mutex(State())

    /// How long the source is not asked again for a file that is open: its content cannot change.
    private static let trust = Duration.seconds(1)

    /// - Parameters:
    ///   - capacity: The most files that are kept open; the one longest unused is closed first.
    ///   - hotLimit: The longest file, in octets, that is kept in memory while it is open.
    init(source: any ContentSource, capacity: Int, hotLimit: Int = 0) {
        self.source = source
        self.capacity = max(1, capacity)
        self.hotLimit = hotLimit
    }

    /// The file, or nil when the rack does not have it (any more).
    func content(ofDigest digest: String) -> OpenContent? {
        let now = BootClock.monotonic
        let (known, isFresh): (OpenContent?, Bool) = self.state.withLock { state in
            state.useCount &+= 1
            guard let entry = state.open[digest] else { return (nil, false) }
            state.open[digest]?.lastUse = state.useCount
            return (entry.content, now - entry.lookedUp < Self.trust)
        }
        if isFresh { return known }
        guard let path = self.source.path(ofDigest: digest) else {
            self.state.withLock { _ = $0.open.removeValue(forKey: digest) }
            return nil
        }
        guard let content = known ?? OpenContent(path: path, hotLimit: self.hotLimit) else { return nil }
        self.state.withLock { state in
            if state.open.count >= self.capacity, state.open[digest] == nil,
                let oldest = state.open.min(by: { $0.value.lastUse < $1.value.lastUse })?.key
            {
                state.open[oldest] = nil
            }
            state.open[digest] = (content, state.useCount, now)
        }
        return content
    }
}
