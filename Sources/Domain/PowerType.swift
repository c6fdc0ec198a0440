// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The kinds of BMC that Gantry drives (MAAS: `power_type`).
public enum PowerType: String, Sendable, Codable, CaseIterable {
    case ipmi
    /// No BMC: an operator presses the button.
    case manual
}
