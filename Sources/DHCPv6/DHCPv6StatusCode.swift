// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What became of a request or of an address in it (RFC 8415, section 21.13).
public enum DHCPv6StatusCode: UInt16, Sendable, Hashable, CaseIterable {
    case success = 0
    case unspecifiedFailure = 1
    /// No address can be given.
    case noAddressesAvailable = 2
    /// The client's binding is not known here.
    case noBinding = 3
    /// An address is of another link.
    case notOnLink = 4
    /// The client sent to a unicast address without leave.
    case useMulticast = 5
    /// No prefix can be delegated.
    case noPrefixAvailable = 6
}
