// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

extension DHCPMessageView {
    /// Calls `body` with every part of an option, in the order in which the parts are to be concatenated.
    ///
    /// - Parameters:
    ///   - bytes: the bytes that this view was read from; shorter ones have no options.
    public func options(
        _ code: DHCPOptionCode, in bytes: borrowing Span<UInt8>, _ body: (DHCPOptionRange) -> Void
    ) {
        guard bytes.count >= self.length else { return }
        var cursor = DHCPOptionCursor(messageLength: self.length)
        // The same bytes were read without an error before; other bytes merely end the walk.
        while let option = try? cursor.next(in: bytes) {
            if option.code == code.rawValue { body(option) }
        }
    }

    /// An option's whole value (RFC 3396), or nil when it is absent. Allocates: not for the hot path.
    public func value(of code: DHCPOptionCode, in bytes: borrowing Span<UInt8>) -> [UInt8]? {
        guard self.present.contains(code), bytes.count >= self.length else { return nil }
        var value: [UInt8] = []
        var cursor = DHCPOptionCursor(messageLength: self.length)
        while let option = try? cursor.next(in: bytes) {
            guard option.code == code.rawValue else { continue }
            for offset in option.offset..<(option.offset + option.length) {
                value.append(bytes[offset])
            }
        }
        return value
    }

    /// The `file` field as text, when it is not lent to options. Allocates: not for the hot path.
    public func bootFileField(in bytes: borrowing Span<UInt8>) -> String? {
        guard bytes.count >= self.length else { return nil }
        var text: [UInt8] = []
        for offset in Self.fileOffset..<(Self.fileOffset + Self.fileLength) where bytes[offset] != 0 {
            text.append(bytes[offset])
        }
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }
}
