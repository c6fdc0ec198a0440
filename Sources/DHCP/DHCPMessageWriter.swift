// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Writes one DHCP message into a slot that somebody else owns. It never allocates and never writes outside the slot.
///
/// An option that does not fit is left out and counted in ``omitted``: write the important ones first. ``lendFields()`` makes more room.
@safe public struct DHCPMessageWriter: ~Copyable {
    private let slot: UnsafeMutableBufferPointer<UInt8>
    private var limit: Int
    private var position = DHCPMessageView.optionsOffset
    /// Where the next option goes in a field that is lent to options; nil for a field that is not.
    private var filePosition: Int?
    private var serverNamePosition: Int?
    private var hasBootFile = false
    /// How many options did not fit.
    public private(set) var omitted = 0

    /// The smallest message that old clients and relays take (RFC 1542, section 2.1).
    public static let paddedLength = 300

    /// Starts a message of zeros.
    ///
    /// - Parameters:
    ///   - slot: at least 300 bytes that live as long as this writer; nil is returned for fewer.
    ///   - limit: the most bytes that the client takes; at least 300 and at most the slot count.
    public init?(slot: UnsafeMutableRawBufferPointer, limit: Int) {
        guard slot.count >= Self.paddedLength else { return nil }
        unsafe self.slot = slot.bindMemory(to: UInt8.self)
        self.limit = min(max(limit, Self.paddedLength), slot.count)
        for index in 0..<DHCPMessageView.optionsOffset {
            unsafe self.slot[index] = 0
        }
        self.put(0x6382_5363, at: 236)
    }

    private mutating func put(_ value: UInt32, at offset: Int) {
        unsafe self.slot[offset] = UInt8(truncatingIfNeeded: value >> 24)
        unsafe self.slot[offset + 1] = UInt8(truncatingIfNeeded: value >> 16)
        unsafe self.slot[offset + 2] = UInt8(truncatingIfNeeded: value >> 8)
        unsafe self.slot[offset + 3] = UInt8(truncatingIfNeeded: value)
    }

    /// The head of a client's message (RFC 2131, table 5).
    public mutating func beginRequest(
        from client: MACAddress, transactionID: UInt32, seconds: UInt16 = 0, wantsBroadcast: Bool = false,
        clientAddress: IPv4Address = IPv4Address(rawValue: 0), relayAddress: IPv4Address = IPv4Address(rawValue: 0)
    ) {
        unsafe self.slot[0] = 1
        unsafe self.slot[1] = 1
        unsafe self.slot[2] = 6
        self.put(transactionID, at: 4)
        unsafe self.slot[8] = UInt8(truncatingIfNeeded: seconds >> 8)
        unsafe self.slot[9] = UInt8(truncatingIfNeeded: seconds)
        unsafe self.slot[10] = wantsBroadcast ? 0x80 : 0
        self.put(clientAddress.rawValue, at: 12)
        self.put(relayAddress.rawValue, at: 24)
        self.put(UInt32(truncatingIfNeeded: client.rawValue >> 16), at: 28)
        unsafe self.slot[32] = UInt8(truncatingIfNeeded: client.rawValue >> 8)
        unsafe self.slot[33] = UInt8(truncatingIfNeeded: client.rawValue)
    }

    /// The head of a reply: what RFC 2131 (table 3) copies from the request, and the addresses that the server adds.
    ///
    /// Room for the relay agent's option is set aside here, because a reply without it never reaches the client (RFC 3046, section 2.2).
    /// The agent takes it out again, so it counts for the slot's size, not for the client's limit.
    ///
    /// - Parameters:
    ///   - bytes: the bytes that `request` was read from.
    ///   - forcesBroadcast: sets the broadcast flag even if the client did not, for a refusal that goes through a relay.
    public mutating func beginReply(
        to request: DHCPMessageView, in bytes: borrowing Span<UInt8>, clientAddress: IPv4Address, yourAddress: IPv4Address,
        nextServer: IPv4Address, forcesBroadcast: Bool = false
    ) {
        guard bytes.count >= DHCPMessageView.minimumLength else { return }
        unsafe self.slot[0] = 2
        unsafe self.slot[1] = request.hardwareType
        unsafe self.slot[2] = request.hardwareLength
        self.put(request.transactionID, at: 4)
        unsafe self.slot[10] = request.wantsBroadcast || forcesBroadcast ? 0x80 : 0
        self.put(clientAddress.rawValue, at: 12)
        self.put(yourAddress.rawValue, at: 16)
        self.put(nextServer.rawValue, at: 20)
        self.put(request.relayAddress.rawValue, at: 24)
        for offset in 28..<44 {
            unsafe self.slot[offset] = bytes[offset]
        }
        if request.present.contains(.relayAgentInformation) {
            var needed = 0
            request.options(.relayAgentInformation, in: bytes) { needed += 2 + $0.length }
            // However long the relay's option is, what makes an answer one has room.
            self.limit = unsafe max(min(self.limit, self.slot.count - needed), Self.paddedLength)
        }
    }

    /// Puts a name into the `file` field; false when it is longer than 127 bytes.
    @discardableResult
    public mutating func setBootFileField(_ name: [UInt8]) -> Bool {
        guard name.count < DHCPMessageView.fileLength, self.filePosition == nil else { return false }
        for (index, byte) in name.enumerated() {
            unsafe self.slot[DHCPMessageView.fileOffset + index] = byte
        }
        self.hasBootFile = !name.isEmpty
        return true
    }

    // MARK: Room

    /// Lets options that no longer fit go into `file`, unless a boot file is named there, and into `sname` (option 52; RFC 2131, section 4.1).
    public mutating func lendFields() {
        guard self.serverNamePosition == nil, self.position + Self.overloadLength + 1 <= self.limit else { return }
        self.limit -= Self.overloadLength
        if !self.hasBootFile { self.filePosition = DHCPMessageView.fileOffset }
        self.serverNamePosition = DHCPMessageView.serverNameOffset
    }

    private static let overloadLength = 3

    /// Says which fields were lent, and ends them.
    private mutating func closeFields() {
        guard let serverName = self.serverNamePosition else { return }
        self.limit += Self.overloadLength
        var overload: UInt8 = 0
        if let file = self.filePosition, file > DHCPMessageView.fileOffset {
            unsafe self.slot[file] = DHCPOptionCode.end.rawValue
            overload |= 1
        }
        if serverName > DHCPMessageView.serverNameOffset {
            unsafe self.slot[serverName] = DHCPOptionCode.end.rawValue
            overload |= 2
        }
        self.filePosition = nil
        self.serverNamePosition = nil
        if overload != 0 { self.append(.overload, byte: overload) }
    }

    /// Room for a value of this many bytes, and for the end mark behind it.
    ///
    /// - Returns: where the value begins; nil when there is no room.
    private mutating func reserve(_ code: DHCPOptionCode, _ length: Int) -> Int? {
        let needed = 2 + length
        let start: Int
        if length > 255 {
            start = -1
        } else if self.position + needed + 1 <= self.limit {
            start = self.position
            self.position += needed
        } else if let file = self.filePosition, file + needed + 1 <= DHCPMessageView.fileOffset + DHCPMessageView.fileLength {
            start = file
            self.filePosition = file + needed
        } else if let name = self.serverNamePosition, name + needed + 1 <= DHCPMessageView.serverNameOffset + DHCPMessageView.serverNameLength {
            start = name
            self.serverNamePosition = name + needed
        } else {
            start = -1
        }
        guard start >= 0 else {
            self.omitted += 1
            return nil
        }
        unsafe self.slot[start] = code.rawValue
        unsafe self.slot[start + 1] = UInt8(truncatingIfNeeded: length)
        return start + 2
    }

    // MARK: Options

    @discardableResult
    public mutating func append(_ code: DHCPOptionCode, byte: UInt8) -> Bool {
        guard let start = self.reserve(code, 1) else { return false }
        unsafe self.slot[start] = byte
        return true
    }

    @discardableResult
    public mutating func append(_ code: DHCPOptionCode, short: UInt16) -> Bool {
        guard let start = self.reserve(code, 2) else { return false }
        unsafe self.slot[start] = UInt8(truncatingIfNeeded: short >> 8)
        unsafe self.slot[start + 1] = UInt8(truncatingIfNeeded: short)
        return true
    }

    @discardableResult
    public mutating func append(_ code: DHCPOptionCode, number: UInt32) -> Bool {
        guard let start = self.reserve(code, 4) else { return false }
        self.put(number, at: start)
        return true
    }

    @discardableResult
    public mutating func append(_ code: DHCPOptionCode, address: IPv4Address) -> Bool {
        self.append(code, number: address.rawValue)
    }

    /// A list of addresses; as many as one option holds (63). Nothing is written for an empty one.
    @discardableResult
    public mutating func append(_ code: DHCPOptionCode, addresses: [IPv4Address]) -> Bool {
        guard !addresses.isEmpty else { return true }
        let count = min(addresses.count, 63)
        guard let start = self.reserve(code, count * 4) else { return false }
        for index in 0..<count { self.put(addresses[index].rawValue, at: start + 4 * index) }
        return true
    }

    /// Bytes of any length; more than 255 are split as RFC 3396 says. All of them are written, or none.
    @discardableResult
    public mutating func append(_ code: DHCPOptionCode, bytes: [UInt8]) -> Bool {
        let parts = max((bytes.count + 254) / 255, 1)
        // The parts of a split value stay together in the options field, so that their order is plain.
        guard parts == 1 || self.position + bytes.count + 2 * parts + 1 <= self.limit else {
            self.omitted += 1
            return false
        }
        var taken = 0
        repeat {
            let length = min(bytes.count - taken, 255)
            guard let start = self.reserve(code, length) else { return false }
            for index in 0..<length { unsafe self.slot[start + index] = bytes[taken + index] }
            taken += length
        } while taken < bytes.count
        return true
    }

    /// Copies an option of the request as it came, part by part: the client identifier (RFC 6842) for example.
    public mutating func echo(_ code: DHCPOptionCode, of request: DHCPMessageView, in bytes: borrowing Span<UInt8>) {
        guard request.present.contains(code), bytes.count >= request.length else { return }
        var cursor = DHCPOptionCursor(messageLength: request.length)
        while let option = try? cursor.next(in: bytes) {
            guard option.code == code.rawValue, let start = self.reserve(code, option.length) else { continue }
            for index in 0..<option.length { unsafe self.slot[start + index] = bytes[option.offset + index] }
        }
    }

    /// Adds the relay agent's option, which must be the last one (RFC 3046, section 2.1), into the room set aside for it.
    public mutating func echoRelayAgent(of request: DHCPMessageView, in bytes: borrowing Span<UInt8>) {
        self.closeFields()
        self.limit = unsafe self.slot.count
        self.echo(.relayAgentInformation, of: request, in: bytes)
    }

    /// Ends the message and pads it to 300 bytes.
    ///
    /// - Returns: the message's length.
    public mutating func finish() -> Int {
        self.closeFields()
        unsafe self.slot[self.position] = DHCPOptionCode.end.rawValue
        self.position += 1
        while self.position < Self.paddedLength {
            unsafe self.slot[self.position] = 0
            self.position += 1
        }
        return self.position
    }
}
