// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// A client's or server's DHCPv6 message (RFC 8415, section 8), out of its relays' layers, as values and offsets: it keeps no bytes and
/// owns no storage, so reading one never allocates.
public struct DHCPv6MessageView: Sendable {
    /// Jumbo frames are the most that anybody can send.
    public static let maximumLength = 9_216
    static let headLength = 4

    /// How a firmware says that it boots, in option 16.
    public enum VendorClass: UInt8, Sendable, Hashable {
        case none
        /// `PXEClient…`: by TFTP.
        case pxeClient
        /// `HTTPClient…`: it takes only answers that say the same.
        case httpClient
        case other
    }

    /// The datagram's length, with all layers.
    public let length: Int
    public let type: DHCPv6MessageType
    /// 24 bits.
    public let transactionID: UInt32
    /// How many relays it came through.
    public let relayCount: Int
    /// The link of the relay nearest to the client that names one; nil for a client on our own wire.
    public let linkAddress: IPv6Address?
    /// Who the nearest relay had the message from: the client's link-local address.
    public let peerAddress: IPv6Address?
    /// Option 79 of the nearest relay.
    public let relayedMACAddress: MACAddress?
    /// Option 1: a DUID of 3 to 130 bytes.
    public private(set) var clientIdentifier: DHCPv6OptionRange?
    public private(set) var serverIdentifier: DHCPv6OptionRange?
    /// How long the client has been trying.
    public private(set) var elapsed: Duration?
    public private(set) var architecture: UInt16?
    public private(set) var vendorClass = VendorClass.none
    /// The enterprise number in the vendor class.
    public private(set) var vendorEnterprise: UInt32 = 0
    /// iPXE speaks: its user class says so.
    public private(set) var isIPXE = false
    /// Every option of the message itself.
    public private(set) var present = DHCPv6OptionSet()
    /// What option 6 asks for.
    public private(set) var wanted = DHCPv6OptionSet()
    /// Where the message's own options are.
    let options: Range<Int>

    /// Reads a message. Identity associations are looked into too, so that walking over them later cannot fail.
    public init(parsing bytes: borrowing Span<UInt8>) throws(DHCPv6DecodingError) {
        guard bytes.count <= Self.maximumLength else { throw .tooLong(length: bytes.count) }
        var relays = DHCPv6RelayCursor(length: bytes.count)
        var link: IPv6Address?
        var nearest: DHCPv6RelayLayer?
        while let layer = try relays.next(in: bytes) {
            // Relays on layer 2 have no address on the link; then the one behind them has (RFC 6221, section 5.3).
            if layer.linkAddress != .unspecified { link = layer.linkAddress }
            nearest = layer
        }
        guard relays.start + Self.headLength <= relays.end else { throw .tooShort(length: relays.end - relays.start) }
        guard let type = DHCPv6MessageType(rawValue: bytes[relays.start]) else { throw .unknownMessageType(bytes[relays.start]) }
        self.length = bytes.count
        self.type = type
        self.transactionID = bytes.number(at: relays.start) & 0xFF_FFFF
        self.relayCount = relays.count
        self.linkAddress = link
        self.peerAddress = nearest?.peerAddress
        self.relayedMACAddress = nearest?.clientLinkLayerAddress
        self.options = (relays.start + Self.headLength)..<relays.end
        try self.readOptions(in: bytes)
    }

    private mutating func readOptions(in bytes: borrowing Span<UInt8>) throws(DHCPv6DecodingError) {
        var cursor = DHCPv6OptionCursor(from: self.options.lowerBound, to: self.options.upperBound)
        while let option = try cursor.next(in: bytes) {
            switch DHCPv6OptionCode(rawValue: option.code) {
            case .clientIdentifier:
                guard self.clientIdentifier == nil else { throw .repeatedOption(code: option.code) }
                self.clientIdentifier = try Self.identifier(option)
            case .serverIdentifier:
                guard self.serverIdentifier == nil else { throw .repeatedOption(code: option.code) }
                self.serverIdentifier = try Self.identifier(option)
            case .elapsedTime:
                guard option.length == 2 else { throw .badOptionLength(code: option.code, length: option.length) }
                self.elapsed = .milliseconds(10 * Int(bytes.short(at: option.offset)))
            case .optionRequest:
                guard option.length % 2 == 0 else { throw .badOptionLength(code: option.code, length: option.length) }
                for offset in stride(from: option.offset, to: option.end, by: 2) { self.wanted.insert(bytes.short(at: offset)) }
            case .nonTemporaryAddresses, .prefixDelegation: try Self.check(option, head: 12, in: bytes)
            case .temporaryAddresses: try Self.check(option, head: 4, in: bytes)
            default: self.readIdentity(option, in: bytes)
            }
            self.present.insert(option.code)
        }
    }

    /// RFC 8415, section 11.1: two bytes of type, then at least one and at most 128.
    private static func identifier(_ option: DHCPv6OptionRange) throws(DHCPv6DecodingError) -> DHCPv6OptionRange {
        guard (3...130).contains(option.length) else { throw .badOptionLength(code: option.code, length: option.length) }
        return option
    }

    /// Looks through an identity association.
    private static func check(_ association: DHCPv6OptionRange, head: Int, in bytes: borrowing Span<UInt8>) throws(DHCPv6DecodingError) {
        guard association.length >= head else { throw .badOptionLength(code: association.code, length: association.length) }
        var cursor = DHCPv6OptionCursor(inside: association, after: head)
        while let option = try cursor.next(in: bytes) {
            guard option.code == DHCPv6OptionCode.address.rawValue else { continue }
            guard option.length >= 24 else { throw .badOptionLength(code: option.code, length: option.length) }
        }
    }

    /// What only tells firmware apart is read leniently: a strange value means "unknown", and the machine still gets an address.
    private mutating func readIdentity(_ option: DHCPv6OptionRange, in bytes: borrowing Span<UInt8>) {
        switch DHCPv6OptionCode(rawValue: option.code) {
        case .clientArchitecture where option.length >= 2: self.architecture = bytes.short(at: option.offset)
        case .vendorClass where option.length >= 4:
            self.vendorEnterprise = bytes.number(at: option.offset)
            // The text has its length before it (section 21.16).
            if bytes.hasText("PXEClient", at: option.offset + 6, before: option.end) {
                self.vendorClass = .pxeClient
            } else if bytes.hasText("HTTPClient", at: option.offset + 6, before: option.end) {
                self.vendorClass = .httpClient
            } else {
                self.vendorClass = .other
            }
        case .userClass where option.length >= 4:
            self.isIPXE =
                bytes.hasText("iPXE", at: option.offset + 2, before: option.end) || bytes.hasText("iPXE", at: option.offset, before: option.end)
        default: break
        }
    }
}
