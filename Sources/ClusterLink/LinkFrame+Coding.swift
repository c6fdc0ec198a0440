// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Why bytes are not a frame. The link cannot go on after it, because the next frame's start is unknown or the peer is not ours.
enum LinkFrameError: Error, Equatable, CustomStringConvertible {
    case wrongMagic(UInt8)
    case unsupportedMajorVersion(UInt8)
    case unknownKind(UInt8)
    case tooShort(length: Int)
    case tooLong(length: Int, limit: Int)
    case nameTooLong(length: Int)
    case nameBeyondFrame(length: Int, available: Int)
    case nameNotUTF8

    var description: String {
        switch self {
        case .wrongMagic(let byte): "magic byte \(byte), expected \(LinkFrame.magic)"
        case .unsupportedMajorVersion(let version): "major version \(version), expected \(LinkFrame.majorVersion)"
        case .unknownKind(let kind): "frame kind \(kind), expected 1...\(LinkFrame.Kind.allCases.count)"
        case .tooShort(let length): "a frame of \(length) bytes, expected at least \(LinkFrame.fixedByteCount)"
        case .tooLong(let length, let limit): "a frame of \(length) bytes, expected at most \(limit)"
        case .nameTooLong(let length): "a name of \(length) bytes, expected at most \(LinkFrame.maximumNameByteCount)"
        case .nameBeyondFrame(let length, let available): "a name of \(length) bytes where \(available) are left"
        case .nameNotUTF8: "a name that is not UTF-8"
        }
    }
}

extension LinkFrame {
    /// The bytes on the wire. The name is one of ours and short enough.
    func encoded(into buffer: inout ByteBuffer) {
        let name = Array(self.name.utf8)
        precondition(name.count <= Self.maximumNameByteCount, "a message name of \(name.count) bytes: \(self.name)")
        buffer.writeInteger(UInt32(clamping: Self.fixedByteCount + name.count + self.body.count))
        buffer.writeInteger(Self.magic)
        buffer.writeInteger(Self.majorVersion << 4 | Self.minorVersion)
        buffer.writeInteger(self.kind.rawValue)
        buffer.writeInteger(0 as UInt8)
        buffer.writeInteger(self.requestID)
        buffer.writeInteger(UInt16(clamping: name.count))
        buffer.writeBytes(name)
        buffer.writeBytes(self.body)
    }

    /// The bytes on the wire.
    func encoded() -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: 4 + self.byteCount)
        self.encoded(into: &buffer)
        return buffer
    }
}

/// Cuts a stream of bytes into frames.
struct LinkFrameDecoder: Sendable {
    /// The largest length field that is accepted.
    let maximumFrameBytes: Int
    private var bytes = ByteBuffer()

    init(maximumFrameBytes: Int) {
        self.maximumFrameBytes = maximumFrameBytes
    }

    /// The bytes that are held for a frame that is not complete: less than one frame and one network read.
    var bufferedByteCount: Int { self.bytes.readableBytes }

    /// Takes in bytes of the stream. Ask ``next()`` until it returns nil before giving it more.
    mutating func append(_ more: ByteBuffer) {
        if self.bytes.readableBytes == 0 {
            self.bytes = more
        } else {
            // Once for each network read, not for each frame: what is moved is less than one frame.
            self.bytes.discardReadBytes()
            self.bytes.writeImmutableBuffer(more)
        }
    }

    /// The next complete frame, or nil when more bytes are needed.
    mutating func next() throws(LinkFrameError) -> LinkFrame? {
        while let length = self.bytes.getInteger(at: self.bytes.readerIndex, as: UInt32.self).map(Int.init) {
            guard length <= self.maximumFrameBytes else { throw .tooLong(length: length, limit: self.maximumFrameBytes) }
            guard length >= LinkFrame.fixedByteCount else { throw .tooShort(length: length) }
            // The header is looked at as soon as it is there: a peer that is not ours is found out before its "frame" is gathered.
            guard self.bytes.readableBytes >= 4 + LinkFrame.fixedByteCount else {
                try self.checkMagic()
                return nil
            }
            try self.checkMagic()
            guard self.bytes.readableBytes >= 4 + length else { return nil }
            self.bytes.moveReaderIndex(forwardBy: 4)
            guard var content = self.bytes.readSlice(length: length) else { return nil }
            if let frame = try Self.decode(&content) { return frame }
        }
        return nil
    }

    private func checkMagic() throws(LinkFrameError) {
        let start = self.bytes.readerIndex + 4
        if let magic = self.bytes.getInteger(at: start, as: UInt8.self), magic != LinkFrame.magic { throw .wrongMagic(magic) }
        if let version = self.bytes.getInteger(at: start + 1, as: UInt8.self), version >> 4 != LinkFrame.majorVersion {
            throw .unsupportedMajorVersion(version >> 4)
        }
    }

    /// The frame after its length field; nil when it is of a kind that a later minor version may have added.
    private static func decode(_ content: inout ByteBuffer) throws(LinkFrameError) -> LinkFrame? {
        let length = content.readableBytes
        guard let magic = content.readInteger(as: UInt8.self), let version = content.readInteger(as: UInt8.self),
            let kindByte = content.readInteger(as: UInt8.self), content.readInteger(as: UInt8.self) != nil,
            let requestID = content.readInteger(as: UInt64.self), let nameLength = content.readInteger(as: UInt16.self).map(Int.init)
        else { throw .tooShort(length: length) }
        guard magic == LinkFrame.magic else { throw .wrongMagic(magic) }
        guard version >> 4 == LinkFrame.majorVersion else { throw .unsupportedMajorVersion(version >> 4) }
        guard let kind = LinkFrame.Kind(rawValue: kindByte) else {
            if version & 15 > LinkFrame.minorVersion { return nil }
            throw .unknownKind(kindByte)
        }
        guard nameLength <= LinkFrame.maximumNameByteCount else { throw .nameTooLong(length: nameLength) }
        let available = content.readableBytes
        guard let nameBytes = content.readBytes(length: nameLength) else {
            throw .nameBeyondFrame(length: nameLength, available: available)
        }
        guard let name = String(validating: nameBytes, as: UTF8.self) else { throw .nameNotUTF8 }
        return LinkFrame(kind, requestID: requestID, name: name, body: Array(content.readableBytesView))
    }
}
