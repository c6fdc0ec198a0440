// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a message is (RFC 8415, section 7.3).
public enum DHCPv6MessageType: UInt8, Sendable, Hashable, CaseIterable {
    case solicit = 1
    case advertise = 2
    case request = 3
    case confirm = 4
    case renew = 5
    case rebind = 6
    case reply = 7
    case release = 8
    case decline = 9
    case reconfigure = 10
    case informationRequest = 11
    case relayForward = 12
    case relayReply = 13
}
