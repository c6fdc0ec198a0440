// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// When a client that has lost its link tries the next region.
///
/// Every region is tried once, almost at once, because the next one probably works; after that the pauses double. Each pause is drawn
/// between half and all of its length, so that racks that lost the same region do not come back in step.
struct ReconnectSchedule: Sendable {
    /// The pause after the first round.
    let first: Duration
    /// The longest pause.
    let longest: Duration
    private var failures = 0

    init(first: Duration, longest: Duration) {
        self.first = first
        self.longest = longest
    }

    /// The link was up for long enough to begin anew.
    mutating func succeeded() {
        self.failures = 0
    }

    /// How long to wait after a failure or a loss. `fraction` is drawn evenly from 0..<1.
    mutating func next(regionCount: Int, fraction: Double) -> Duration {
        let round = max(0, self.failures - max(1, regionCount) + 1)
        self.failures = min(self.failures + 1, 1_000_000)
        if round == 0 { return self.first * (fraction / 2) }
        var pause = self.first
        for _ in stride(from: 1, to: min(round, 64), by: 1) { pause = min(pause * 2, self.longest) }
        return min(pause, self.longest) * (0.5 + fraction / 2)
    }
}
