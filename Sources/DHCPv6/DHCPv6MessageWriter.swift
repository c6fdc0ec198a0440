// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Writes one DHCPv6 message into a slot that somebody else owns. It never allocates and never writes outside the slot.
///
/// An option that does not fit is left out and counted in ``omitted``: write the important ones first.
@safe public struct DHCPv6MessageWriter: ~Copyable {
    private let slot: UnsafeMutableBufferPointer<UInt8>
    private var position = 0
    /// Where the message inside all relays' layers begins.
    private var messageStart = 0
    /// How many options did not fit.
    public private(set) var omitted = 0

    /// The least room: eight relays' heads and some options.
    public static let minimumRoom = 512

    /// - Parameter slot: at least 512 bytes that live as long as this writer, and no more than are to be sent; nil is returned for fewer.
    public init?(slot: UnsafeMutableRawBufferPointer) {
        guard slot.count >= Self.minimumRoom else { return nil }
        unsafe self.slot = slot.bindMemory(to: UInt8.self)
    }

    private mutating func put(_ byte: UInt8) {
        unsafe self.slot[self.position] = byte
        self.position += 1
    }

    private mutating func put(short value: UInt16) {
        self.put(UInt8(truncatingIfNeeded: value >> 8))
        self.put(UInt8(truncatingIfNeeded: value))
    }

    private mutating func put(number value: UInt32) {
        self.put(short: UInt16(truncatingIfNeeded: value >> 16))
        self.put(short: UInt16(truncatingIfNeeded: value))
    }

    private mutating func put(address value: IPv6Address) {
        for half in 0..<2 {
            let number = half == 0 ? value.high : value.low
            self.put(number: UInt32(truncatingIfNeeded: number >> 32))
            self.put(number: UInt32(truncatingIfNeeded: number))
        }
    }

    private mutating func put(_ range: DHCPv6OptionRange, of bytes: borrowing Span<UInt8>) {
        for offset in range.offset..<range.end { self.put(bytes[offset]) }
    }

    private func fits(_ count: Int) -> Bool {
        unsafe self.position + count <= self.slot.count
    }

    // MARK: Heads

    /// The head of a message without relays: a client's, or a server's to a client on its own wire.
    public mutating func begin(_ type: DHCPv6MessageType, transactionID: UInt32) {
        self.messageStart = self.position
        self.put(number: UInt32(type.rawValue) << 24 | transactionID & 0xFF_FFFF)
    }

    /// A relay's layer around what is written next, which reaches to the message's end.
    ///
    /// - Returns: false when there is no room for it.
    public mutating func beginRelay(
        _ type: DHCPv6MessageType, hopCount: UInt8, linkAddress: IPv6Address, peerAddress: IPv6Address, interfaceIdentifier: [UInt8] = []
    ) -> Bool {
        guard self.fits(DHCPv6RelayCursor.headLength + 8 + interfaceIdentifier.count + 4) else { return false }
        self.putRelayHead(type, hopCount, linkAddress, peerAddress)
        if !interfaceIdentifier.isEmpty { self.append(.interfaceIdentifier, bytes: interfaceIdentifier) }
        self.put(number: UInt32(DHCPv6OptionCode.relayMessage.rawValue) << 16)
        return true
    }

    private mutating func putRelayHead(_ type: DHCPv6MessageType, _ hopCount: UInt8, _ link: IPv6Address, _ peer: IPv6Address) {
        self.put(type.rawValue)
        self.put(hopCount)
        self.put(address: link)
        self.put(address: peer)
    }

    /// The head of a reply in the layers that the request came in (RFC 8415, section 19.3).
    ///
    /// - Parameter bytes: the bytes that `request` was read from.
    /// - Returns: false when the layers do not fit.
    public mutating func beginReply(
        _ type: DHCPv6MessageType, to request: DHCPv6MessageView, in bytes: borrowing Span<UInt8>
    ) -> Bool {
        guard bytes.count >= request.length else { return false }
        var relays = DHCPv6RelayCursor(length: request.length)
        // The same bytes were read without an error before.
        while let layer = try? relays.next(in: bytes) {
            let interface = layer.interfaceIdentifier.map { $0.length + 4 } ?? 0
            guard self.fits(DHCPv6RelayCursor.headLength + interface + 4 + 4) else { return false }
            self.putRelayHead(.relayReply, layer.hopCount, layer.linkAddress, layer.peerAddress)
            if let option = layer.interfaceIdentifier { self.copy(option, of: bytes) }
            self.put(number: UInt32(DHCPv6OptionCode.relayMessage.rawValue) << 16)
        }
        self.begin(type, transactionID: request.transactionID)
        return true
    }

    // MARK: Options

    /// Room for a value of this many bytes.
    private mutating func reserve(_ code: DHCPv6OptionCode, _ length: Int) -> Bool {
        guard length <= 65_535, self.fits(4 + length) else {
            self.omitted += 1
            return false
        }
        self.put(short: code.rawValue)
        self.put(short: UInt16(truncatingIfNeeded: length))
        return true
    }

    @discardableResult
    public mutating func append(_ code: DHCPv6OptionCode, bytes: [UInt8]) -> Bool {
        guard self.reserve(code, bytes.count) else { return false }
        for byte in bytes { self.put(byte) }
        return true
    }

    @discardableResult
    public mutating func append(_ code: DHCPv6OptionCode, byte: UInt8) -> Bool {
        guard self.reserve(code, 1) else { return false }
        self.put(byte)
        return true
    }

    @discardableResult
    public mutating func append(_ code: DHCPv6OptionCode, short: UInt16) -> Bool {
        guard self.reserve(code, 2) else { return false }
        self.put(short: short)
        return true
    }

    @discardableResult
    public mutating func append(_ code: DHCPv6OptionCode, number: UInt32) -> Bool {
        guard self.reserve(code, 4) else { return false }
        self.put(number: number)
        return true
    }

    /// A list of addresses; nothing is written for an empty one.
    @discardableResult
    public mutating func append(_ code: DHCPv6OptionCode, addresses: [IPv6Address]) -> Bool {
        guard !addresses.isEmpty else { return true }
        guard self.reserve(code, addresses.count * 16) else { return false }
        for address in addresses { self.put(address: address) }
        return true
    }

    /// What became of a request. The text is for people who read packets; it is left out when it does not fit.
    public mutating func append(status: DHCPv6StatusCode, _ text: StaticString) {
        let count = self.fits(6 + text.utf8CodeUnitCount) ? text.utf8CodeUnitCount : 0
        guard self.reserve(.statusCode, 2 + count) else { return }
        self.put(short: status.rawValue)
        for index in 0..<count { unsafe self.put(text.utf8Start[index]) }
    }

    /// A vendor class of one text (section 21.16).
    @discardableResult
    public mutating func append(vendorClass text: [UInt8], enterprise: UInt32) -> Bool {
        guard self.reserve(.vendorClass, 6 + text.count) else { return false }
        self.put(number: enterprise)
        self.put(short: UInt16(truncatingIfNeeded: text.count))
        for byte in text { self.put(byte) }
        return true
    }

    /// Copies an option as it came.
    @discardableResult
    public mutating func echo(_ option: DHCPv6OptionRange?, of bytes: borrowing Span<UInt8>) -> Bool {
        guard let option else { return true }
        guard option.end <= bytes.count, self.fits(4 + option.length) else {
            self.omitted += 1
            return false
        }
        self.copy(option, of: bytes)
        return true
    }

    private mutating func copy(_ option: DHCPv6OptionRange, of bytes: borrowing Span<UInt8>) {
        self.put(short: option.code)
        self.put(short: UInt16(truncatingIfNeeded: option.length))
        self.put(option, of: bytes)
    }

    // MARK: Identity associations

    /// An association that is being written.
    public struct OpenAssociation: ~Copyable {
        fileprivate let start: Int
    }

    /// Begins an association; nil when not even its head with a status fits.
    ///
    /// - Parameters:
    ///   - renewal: T1, when the client asks for an extension; not written for temporary addresses.
    ///   - rebinding: T2, when it asks any server.
    public mutating func begin(_ association: DHCPv6Association, renewal: UInt32, rebinding: UInt32) -> OpenAssociation? {
        let code: DHCPv6OptionCode =
            switch association.kind {
            case .addresses: .nonTemporaryAddresses
            case .temporaryAddresses: .temporaryAddresses
            case .prefixes: .prefixDelegation
            }
        guard self.fits(4 + association.headLength + 6), self.reserve(code, association.headLength) else { return nil }
        let start = self.position
        self.put(number: association.identifier)
        if association.kind != .temporaryAddresses {
            self.put(number: renewal)
            self.put(number: rebinding)
        }
        return OpenAssociation(start: start)
    }

    /// An address in the open association.
    @discardableResult
    public mutating func append(address: IPv6Address, preferredSeconds: UInt32, validSeconds: UInt32) -> Bool {
        guard self.reserve(.address, 24) else { return false }
        self.put(address: address)
        self.put(number: preferredSeconds)
        self.put(number: validSeconds)
        return true
    }

    public mutating func end(_ association: consuming OpenAssociation) {
        self.patch(association.start - 2, length: self.position - association.start)
    }

    private mutating func patch(_ offset: Int, length: Int) {
        unsafe self.slot[offset] = UInt8(truncatingIfNeeded: length >> 8)
        unsafe self.slot[offset + 1] = UInt8(truncatingIfNeeded: length)
    }

    /// Ends the message: every relay's layer learns how long what it holds is.
    ///
    /// - Returns: the message's length.
    public mutating func finish() -> Int {
        var layer = 0
        while layer < self.messageStart {
            var option = layer + DHCPv6RelayCursor.headLength
            // Only the interface identifier stands before the relayed message.
            while unsafe UInt16(self.slot[option]) << 8 | UInt16(self.slot[option + 1]) != DHCPv6OptionCode.relayMessage.rawValue {
                option += unsafe 4 + (Int(self.slot[option + 2]) << 8 | Int(self.slot[option + 3]))
            }
            self.patch(option + 2, length: self.position - option - 4)
            layer = option + 4
        }
        return self.position
    }
}
