// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a member is for.
public enum MemberRole: UInt8, Sendable, Hashable {
    case rack = 1
    case region = 2
}
