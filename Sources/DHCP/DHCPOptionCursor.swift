// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Where one option's value lies in its message.
public struct DHCPOptionRange: Sendable, Hashable {
    public let code: UInt8
    /// The offset of the value's first byte.
    public let offset: Int
    /// The value's length, 0 to 255.
    public let length: Int
}

/// Walks over a message's options in the order in which RFC 3396 (section 5) concatenates them: the options field, then `file`,
/// then `sname` as far as option 52 lends those two.
public struct DHCPOptionCursor: Sendable {
    private var offset = DHCPMessageView.optionsOffset
    private var end: Int
    private var overload: UInt8 = 0
    private var area = Area.options

    private enum Area: Sendable {
        case options, file, serverName, finished
    }

    /// Begins at the first option of a message.
    public init(_ message: DHCPMessageView) {
        self.init(messageLength: message.length)
    }

    init(messageLength: Int) {
        self.end = messageLength
    }

    /// The next option; nil after the last one. `pad` and `end` are not options here.
    ///
    /// - Parameters:
    ///   - bytes: the message's bytes, always the same ones.
    public mutating func next(in bytes: borrowing Span<UInt8>) throws(DHCPDecodingError) -> DHCPOptionRange? {
        while self.area != .finished {
            // A field without its end mark is read to its last byte, as every server does.
            guard self.offset < self.end else {
                self.enterNextArea()
                continue
            }
            let code = bytes[self.offset]
            if code == DHCPOptionCode.pad.rawValue {
                self.offset += 1
                continue
            }
            if code == DHCPOptionCode.end.rawValue {
                self.enterNextArea()
                continue
            }
            let start = self.offset
            guard start + 1 < self.end else { throw .truncatedOption(code: code, offset: start) }
            let length = Int(bytes[start + 1])
            guard start + 2 + length <= self.end else { throw .truncatedOption(code: code, offset: start) }
            self.offset = start + 2 + length
            if code == DHCPOptionCode.overload.rawValue, self.area == .options {
                guard length == 1 else { throw .badOptionLength(code: code, length: length) }
                let value = bytes[start + 2]
                guard (1...3).contains(value) else { throw .badOverload(value) }
                self.overload = value
            }
            return DHCPOptionRange(code: code, offset: start + 2, length: length)
        }
        return nil
    }

    private mutating func enterNextArea() {
        if self.area == .options, self.overload & 1 != 0 {
            self.area = .file
            self.offset = DHCPMessageView.fileOffset
            self.end = DHCPMessageView.fileOffset + DHCPMessageView.fileLength
        } else if self.area == .options || self.area == .file, self.overload & 2 != 0 {
            self.area = .serverName
            self.offset = DHCPMessageView.serverNameOffset
            self.end = DHCPMessageView.serverNameOffset + DHCPMessageView.serverNameLength
        } else {
            self.area = .finished
        }
    }
}
