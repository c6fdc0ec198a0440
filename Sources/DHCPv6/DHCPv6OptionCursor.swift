// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Where one option's value lies in its datagram.
public struct DHCPv6OptionRange: Sendable, Hashable {
    public let code: UInt16
    /// The offset of the value's first byte.
    public let offset: Int
    public let length: Int

    var end: Int { self.offset + self.length }

    /// The value's bytes in the datagram.
    public var range: Range<Int> { self.offset..<self.end }
}

/// Walks over the options between two offsets: of a message, or inside another option.
struct DHCPv6OptionCursor {
    private var offset: Int
    private let end: Int

    init(from offset: Int, to end: Int) {
        self.offset = offset
        self.end = end
    }

    /// The options inside an option, behind so many bytes of its own.
    init(inside option: DHCPv6OptionRange, after head: Int) {
        self.init(from: min(option.offset + head, option.end), to: option.end)
    }

    /// The next option; nil after the last one.
    mutating func next(in bytes: borrowing Span<UInt8>) throws(DHCPv6DecodingError) -> DHCPv6OptionRange? {
        guard self.offset < self.end else { return nil }
        guard self.offset + 4 <= self.end else { throw .truncatedOption(code: 0, offset: self.offset) }
        let code = bytes.short(at: self.offset)
        let length = Int(bytes.short(at: self.offset + 2))
        guard self.offset + 4 + length <= self.end else { throw .truncatedOption(code: code, offset: self.offset) }
        let option = DHCPv6OptionRange(code: code, offset: self.offset + 4, length: length)
        self.offset = option.end
        return option
    }
}
