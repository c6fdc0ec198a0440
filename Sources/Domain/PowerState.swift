// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a machine's BMC said last (MAAS: `POWER_STATE`).
public enum PowerState: String, Sendable, Codable, CaseIterable {
    case on
    case off
    /// Never asked, or not to be asked, as with the `manual` power type.
    case unknown
    /// The BMC was asked and could not answer.
    case error
}
