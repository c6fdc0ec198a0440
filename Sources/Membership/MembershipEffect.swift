// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a ``MembershipCore`` wants done.
public enum MembershipEffect: Sendable, Hashable {
    case send(MembershipMessage, to: SystemID)
    case report(MembershipReport)
}
