// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Rules to be broken on purpose: the tests must notice each. Empty outside the tests.
struct MembershipMutation: OptionSet, Sendable, Hashable {
    let rawValue: Int

    /// Counts time in which it did not run as silence of others.
    static let countsOwnPauses = MembershipMutation(rawValue: 1)
    /// Removes a member on one observer's word.
    static let trustsOneEdge = MembershipMutation(rawValue: 2)
    /// Removes whoever is agreed on without waiting for those in doubt.
    static let neverBatches = MembershipMutation(rawValue: 4)
    /// Counts accusations by members that do not observe the accused.
    static let countsStrangers = MembershipMutation(rawValue: 8)
    /// Takes members in that are not in the roster.
    static let joinsByGossip = MembershipMutation(rawValue: 16)
    /// Does not compare its state with others.
    static let neverSynchronizes = MembershipMutation(rawValue: 32)
    /// Takes a member that hears nothing for a healthy one.
    static let ignoresDeafness = MembershipMutation(rawValue: 64)
    /// Never takes an accusation back.
    static let neverWithdraws = MembershipMutation(rawValue: 128)
    /// Lets others speak for itself.
    static let letsOthersSpeak = MembershipMutation(rawValue: 256)
    /// Does not pass news on.
    static let neverFloods = MembershipMutation(rawValue: 512)
}
