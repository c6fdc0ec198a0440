// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Rules to be broken on purpose: the simulation must notice each. Empty outside the tests.
struct SuccessionMutation: OptionSet, Sendable {
    let rawValue: Int

    /// Goes on after a pause without listening first.
    static let skipsFrozenCheck = SuccessionMutation(rawValue: 1)
    /// Counts time in which it did not listen as silence of others.
    static let countsOwnPauses = SuccessionMutation(rawValue: 2)
    /// Does not yield to a higher claim.
    static let neverYields = SuccessionMutation(rawValue: 4)
    /// Serves although its grant ended.
    static let ignoresGrantEnd = SuccessionMutation(rawValue: 8)
    /// Claims without raising the term.
    static let keepsTerm = SuccessionMutation(rawValue: 16)
    /// Takes the segment from a living rack because it is preferred to it.
    static let preempts = SuccessionMutation(rawValue: 32)
    /// Claims on missing pulses alone, whatever gossip says.
    static let trustsPulsesAlone = SuccessionMutation(rawValue: 64)
    /// Never suspects anybody.
    static let neverSuspects = SuccessionMutation(rawValue: 128)
    /// Gives up the segment before its successor has it.
    static let drainsFirst = SuccessionMutation(rawValue: 256)
}
