// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What ``Store/changes(_:)`` tells about.
public enum StoreChannel: String, Sendable, CaseIterable {
    /// A machine was added, changed or deleted; the payload is its system id.
    case machine = "gantry_machine"
    /// An event was recorded; the payload is its id. Payloads come in the order of commits, while ids ascend in the order of recording.
    case event = "gantry_event"
    /// Networks, groupings, images, controllers or settings changed; the payload is the table's name.
    case configuration = "gantry_configuration"
}
