// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What the accusations of many observers amount to: Rapid's two watermarks (Suresh et al., ATC '18, section 4.2).
///
/// A subject is agreed to be gone at the high mark, and in doubt from the low one. One waits while any subject is in doubt, so failures of
/// one cause become one change. The outcome depends on the set of accusations only, not on their order.
public struct CutDetector: Sendable, Hashable {
    public struct Cut: Sendable, Hashable {
        /// At the high mark.
        public var agreed: Set<SystemID> = []
        /// Between the marks.
        public var undecided: Set<SystemID> = []
    }

    public let overlay: Overlay
    var mutations: MembershipMutation = []

    public init(overlay: Overlay) {
        self.overlay = overlay
    }

    /// How many of a subject's observers must accuse it: nine of ten, or all but one of fewer, but two where there are two.
    public static func highMark(observers: Int) -> Int {
        observers < 2 ? 1 : max(2, observers - 1)
    }

    /// Four ninths of the high mark, rounded up: Rapid's 4 of 9.
    public static func lowMark(observers: Int) -> Int {
        (4 * Self.highMark(observers: observers) + 8) / 9
    }

    /// - Parameters:
    ///   - absent: members that are not in the view; their own accusations count for nothing.
    ///   - witness: who asks. It knows of itself that it is there.
    public func cut(_ accusations: some Sequence<Accusation>, absent: Set<SystemID> = [], witness: SystemID? = nil) -> Cut {
        var accusers: [SystemID: Set<SystemID>] = [:]
        for accusation in accusations where !absent.contains(accusation.observer) {
            let observers = self.overlay.observers(of: accusation.subject)
            guard self.mutations.contains(.countsStrangers) || observers.contains(accusation.observer) else { continue }
            accusers[accusation.subject, default: []].insert(accusation.observer)
        }
        // An observer that is gone or in doubt itself cannot accuse: it counts as if it did, or a rack's neighbours would protect it in death.
        var silent = absent
        for (subject, observers) in accusers where subject != witness {
            if observers.count >= Self.lowMark(observers: self.overlay.observers(of: subject).count) { silent.insert(subject) }
        }
        var cut = Cut()
        for (subject, explicit) in accusers {
            let observers = self.overlay.observers(of: subject)
            let count = explicit.union(observers.filter(silent.contains)).count
            let high = self.mutations.contains(.trustsOneEdge) ? 1 : Self.highMark(observers: observers.count)
            if count >= high {
                cut.agreed.insert(subject)
            } else if count >= Self.lowMark(observers: observers.count) {
                cut.undecided.insert(subject)
            }
        }
        return cut
    }
}
