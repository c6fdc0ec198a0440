// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a server acts on of the relay agent information option (RFC 3046). The option itself goes back byte by byte, see
/// ``DHCPMessageWriter/echoRelayAgent(of:in:)``.
public struct RelayAgentInformation: Sendable, Hashable {
    /// Sub-option 5: an address of the client's network, where the relay agent's own address is of another one (RFC 3527).
    public private(set) var linkSelection: IPv4Address?
    /// Sub-option 11: what clients are to take for the server, so that their renewals go through the relay agent (RFC 5107).
    public private(set) var serverIdentifierOverride: IPv4Address?

    init() {}

    /// Reads one option's sub-options. What is malformed ends the walk: the option still comes back as it was.
    mutating func read(_ option: DHCPOptionRange, of bytes: borrowing Span<UInt8>) {
        var offset = option.offset
        let end = option.offset + option.length
        while offset + 2 <= end {
            let length = Int(bytes[offset + 1])
            guard offset + 2 + length <= end else { return }
            if length == 4 {
                let address = IPv4Address(rawValue: DHCPMessageView.number(at: offset + 2, in: bytes))
                switch bytes[offset] {
                case 5: self.linkSelection = address
                case 11: self.serverIdentifierOverride = address
                default: break
                }
            }
            offset += 2 + length
        }
    }
}
