// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Leasing

extension MembershipCore {
    /// Brings the view up to what the records say, in one change.
    mutating func settle(_ effects: inout [MembershipEffect]) {
        guard self.isDirty || self.heldSince != nil || !self.removed.isEmpty else { return }
        self.isDirty = false
        let absent = Set(self.roster.members.map(\.id)).subtracting(self.present).subtracting([self.member])
        let cut = self.detector.cut(self.accusations, absent: absent, witness: self.member)
        if cut.agreed.contains(self.member), self.lastRefutation.nanoseconds(until: self.listened) >= Timing.refutation {
            self.lastRefutation = self.listened
            self.renew(&effects) { $0.incarnation = Self.successor($0.incarnation) }
        }
        self.readmit(cut)
        self.remove(cut)
        let alive = Set(self.records.values.lazy.filter { $0.status == .alive }.map(\.id)).subtracting(self.removed.keys)
        guard alive != self.present else { return }
        let gone = self.present.subtracting(alive).sorted()
        let joined = alive.subtracting(self.present).sorted()
        self.present = alive
        self.isDirty = true
        effects.append(.report(.viewChanged(removed: gone, joined: joined)))
    }

    /// All accusations of lives that go on.
    private var accusations: [Accusation] {
        self.records.values.flatMap { record in
            record.charges.compactMap { charge in
                guard let subject = self.records[charge.subject], subject.status == .alive, subject.incarnation <= charge.incarnation else {
                    return nil
                }
                return Accusation(observer: record.id, subject: charge.subject)
            }
        }
    }

    private mutating func remove(_ cut: CutDetector.Cut) {
        let agreed = cut.agreed.intersection(self.present).subtracting([self.member])
        guard !agreed.isEmpty else {
            self.heldSince = nil
            return
        }
        let since = self.heldSince ?? self.listened
        self.heldSince = since
        let isClear = cut.undecided.intersection(self.present).subtracting([self.member]).isEmpty
        let isQuiet = self.lastAccusation.nanoseconds(until: self.listened) >= Timing.quiet
        guard
            (isClear && isQuiet) || since.nanoseconds(until: self.listened) >= Timing.patience || self.mutations.contains(.neverBatches)
        else { return }
        for subject in agreed { self.removed[subject] = self.listened }
        self.heldSince = nil
    }

    private mutating func readmit(_ cut: CutDetector.Cut) {
        for (subject, last) in self.removed {
            if cut.agreed.contains(subject) || cut.undecided.contains(subject) {
                self.removed[subject] = self.listened
            } else if self.records[subject]?.status != .alive || last.nanoseconds(until: self.listened) >= Timing.probation {
                self.removed[subject] = nil
            }
        }
    }
}
