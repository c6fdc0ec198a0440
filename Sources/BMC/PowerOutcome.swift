// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// How a power operation ended.
public enum PowerOutcome: String, Sendable, Codable, CaseIterable {
    /// The BMC did it, and where the action has a goal (on, off, cycle) the machine was seen to reach it.
    case succeeded
    /// The BMC answered and refused the user, the password or the K_g key.
    case wrongPassword
    /// The network said that nobody listens there: port closed, no route, no such host, no such name.
    case unreachable
    /// The BMC, or the queue before it, has no room now; asking again later is right.
    case busy
    /// The BMC or the power type cannot do this at all.
    case unsupported
    /// No answer, or not the wanted state, before the deadline.
    case timeout
    /// The power parameters do not describe a BMC.
    case invalidParameters
    /// The BMC answered something that makes no sense here; the message holds it.
    case protocolError
}
