// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a binding survives from the moment that its client is told of it.
///
/// Whatever is chosen, no address is ever given to two clients. What may be lost is who has it: that client is not answered when it renews,
/// starts anew, and gets another address.
public enum LeaseDurability: String, Sendable, CaseIterable {
    /// The end of this process, however sudden. No answer waits for the disk, which has the binding some milliseconds later.
    case process
    /// A loss of power too: the answer to a new binding waits for the disk, together with all others that came meanwhile (group commit).
    /// Renewals never wait.
    case disk
}
