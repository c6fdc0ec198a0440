// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Where a machine's next boot starts, once.
public enum BootDevice: String, Sendable, Codable, CaseIterable {
    case network
    case disk
}
