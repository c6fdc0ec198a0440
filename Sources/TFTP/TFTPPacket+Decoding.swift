// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

extension TFTPPacket {
    /// Reads one datagram.
    ///
    /// Octets after an acknowledgement are ignored, and an error's message may lack its zero byte: clients in ROMs do both.
    public init(decoding bytes: [UInt8]) throws(TFTPDecodingError) {
        try self.init(decoding: bytes.span)
    }

    /// Reads one datagram in place.
    public init(decoding bytes: Span<UInt8>) throws(TFTPDecodingError) {
        let number = try Self.number(in: bytes, at: 0, field: "opcode")
        guard let opcode = Opcode(rawValue: number) else { throw .unknownOpcode(number) }
        switch opcode {
        case .readRequest:
            self = .readRequest(try Self.request(in: bytes))
        case .writeRequest:
            self = .writeRequest(try Self.request(in: bytes))
        case .data:
            let block = try Self.number(in: bytes, at: 2, field: "block")
            var payload: [UInt8] = []
            payload.reserveCapacity(bytes.count - 4)
            for index in 4..<bytes.count { payload.append(bytes[index]) }
            self = .data(block: block, payload: payload)
        case .acknowledgement:
            self = .acknowledgement(block: try Self.number(in: bytes, at: 2, field: "block"))
        case .error:
            let code = try Self.number(in: bytes, at: 2, field: "error code")
            var message: [UInt8] = []
            for index in 4..<min(bytes.count, 4 + Self.maximumMessageLength) {
                guard bytes[index] != 0 else { break }
                message.append(bytes[index])
            }
            self = .error(TFTPErrorCode(rawValue: code), message: String(decoding: message, as: UTF8.self))
        case .optionAcknowledgement:
            self = .optionAcknowledgement(try Self.options(in: bytes, at: 2))
        }
    }

    private static func number(in bytes: Span<UInt8>, at offset: Int, field: String) throws(TFTPDecodingError) -> UInt16 {
        guard bytes.count >= offset + 2 else { throw .truncated(field: field, count: bytes.count, expected: offset + 2) }
        return UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }

    private static func request(in bytes: Span<UInt8>) throws(TFTPDecodingError) -> TFTPRequest {
        guard bytes.count <= Self.maximumRequestLength else {
            throw .tooLong(count: bytes.count, limit: Self.maximumRequestLength)
        }
        var offset = 2
        var name = try Self.text(in: bytes, at: &offset, field: "filename")
        if name.last == 0xFF { name.removeLast() }
        guard !name.isEmpty else { throw .emptyFilename }
        let modeText = String(decoding: try Self.text(in: bytes, at: &offset, field: "mode"), as: UTF8.self)
        guard let mode = TFTPRequest.Mode(rawValue: modeText.lowercased()) else { throw .unknownMode(modeText) }
        return TFTPRequest(
            filename: String(decoding: name, as: UTF8.self), mode: mode, options: try Self.options(in: bytes, at: offset)
        )
    }

    private static func options(in bytes: Span<UInt8>, at start: Int) throws(TFTPDecodingError) -> [TFTPOption] {
        guard bytes.count <= Self.maximumRequestLength else {
            throw .tooLong(count: bytes.count, limit: Self.maximumRequestLength)
        }
        var options: [TFTPOption] = []
        var names: Set<String> = []
        var offset = start
        while offset < bytes.count {
            let nameOffset = offset
            let name = String(decoding: try Self.text(in: bytes, at: &offset, field: "option"), as: UTF8.self)
            if name.isEmpty {
                guard Self.isZero(bytes, from: offset) else { throw .emptyOptionName(offset: nameOffset) }
                // Zero bytes up to the end are padding.
                break
            }
            guard offset < bytes.count else { throw .optionWithoutValue(name: name) }
            guard names.insert(name.lowercased()).inserted else { throw .repeatedOption(name: name) }
            let value = String(decoding: try Self.text(in: bytes, at: &offset, field: name), as: UTF8.self)
            options.append(TFTPOption(name: name, value: value))
        }
        return options
    }

    private static func isZero(_ bytes: Span<UInt8>, from start: Int) -> Bool {
        for index in start..<bytes.count where bytes[index] != 0 { return false }
        return true
    }

    /// The octets up to the next zero byte; `offset` is moved behind it.
    private static func text(in bytes: Span<UInt8>, at offset: inout Int, field: String) throws(TFTPDecodingError) -> [UInt8] {
        let start = offset
        var text: [UInt8] = []
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            if byte == 0 { return text }
            text.append(byte)
        }
        throw .unterminated(field: field, offset: start)
    }
}
