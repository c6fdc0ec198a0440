// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What one relay put around a message (RFC 8415, section 9).
public struct DHCPv6RelayLayer: Sendable, Hashable {
    public let hopCount: UInt8
    /// An address of the relay on the link that the message came from; unspecified from a relay on layer 2 (RFC 6221).
    public let linkAddress: IPv6Address
    /// Who the relay had the message from: the client, or another relay.
    public let peerAddress: IPv6Address
    /// What the relay wants to have back (RFC 8415, section 21.18).
    public let interfaceIdentifier: DHCPv6OptionRange?
    /// The client's hardware address, as its first relay saw it (RFC 6939).
    public let clientLinkLayerAddress: MACAddress?
    /// The message inside.
    public let message: DHCPv6OptionRange
}

/// Takes relays' layers off a message, the outermost first. Bounded: eight of them.
public struct DHCPv6RelayCursor {
    /// RFC 8415, section 7.6: HOP_COUNT_LIMIT.
    public static let maximumRelays = 8
    static let headLength = 34

    /// What is inside the layers that were taken off.
    public private(set) var start = 0
    public private(set) var end: Int
    public private(set) var count = 0

    public init(length: Int) {
        self.end = length
    }

    /// The next layer; nil when the rest is no relay's message.
    public mutating func next(in bytes: borrowing Span<UInt8>) throws(DHCPv6DecodingError) -> DHCPv6RelayLayer? {
        guard self.end <= bytes.count, self.start < self.end else { throw .tooShort(length: self.end - self.start) }
        let type = DHCPv6MessageType(rawValue: bytes[self.start])
        guard type == .relayForward || type == .relayReply else { return nil }
        guard self.count < Self.maximumRelays else { throw .tooManyRelays }
        guard self.start + Self.headLength <= self.end else { throw .tooShort(length: self.end - self.start) }
        var interface: DHCPv6OptionRange?
        var message: DHCPv6OptionRange?
        var hardware: MACAddress?
        var options = DHCPv6OptionCursor(from: self.start + Self.headLength, to: self.end)
        while let option = try options.next(in: bytes) {
            switch DHCPv6OptionCode(rawValue: option.code) {
            case .relayMessage:
                guard message == nil else { throw .repeatedOption(code: option.code) }
                message = option
            case .interfaceIdentifier: interface = option
            case .clientLinkLayerAddress:
                // Other hardware than Ethernet is nobody's here.
                if option.length == 8, bytes.short(at: option.offset) == 1 { hardware = bytes.macAddress(at: option.offset + 2) }
            default: break
            }
        }
        guard let message else { throw .missingRelayMessage(offset: self.start) }
        let layer = DHCPv6RelayLayer(
            hopCount: bytes[self.start + 1], linkAddress: bytes.ipv6Address(at: self.start + 2),
            peerAddress: bytes.ipv6Address(at: self.start + 18), interfaceIdentifier: interface, clientLinkLayerAddress: hardware,
            message: message
        )
        self.start = message.offset
        self.end = message.end
        self.count += 1
        return layer
    }
}
