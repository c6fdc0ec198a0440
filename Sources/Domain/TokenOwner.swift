// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Whom an API key speaks for.
public enum TokenOwner: Sendable, Hashable {
    case user(User)
    /// A machine's own key, for the metadata API.
    case machine(SystemID)
}
