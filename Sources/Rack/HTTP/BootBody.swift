// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The body of an answer: pieces from memory and from one file, in order.
struct BootBody {
    enum Piece {
        case bytes(ByteBuffer)
        case file(Range<UInt64>)
    }

    /// The file of the pieces that are not in memory.
    let content: OpenContent?
    private(set) var pieces: [Piece] = []
    /// Octets of all pieces.
    private(set) var count: UInt64 = 0

    static let none = BootBody(content: nil)

    init(content: OpenContent?) {
        self.content = content
    }

    /// A body from memory.
    init(_ bytes: ByteBuffer) {
        self.content = nil
        self.append(bytes)
    }

    /// A part of a file.
    init(_ content: OpenContent, _ range: Range<UInt64>) {
        self.content = content
        self.append(range)
    }

    /// Several parts of a file as `multipart/byteranges` (RFC 9110, section 14.6).
    ///
    /// - Parameter boundary: Something that is not in the file.
    init(_ content: OpenContent, _ ranges: [Range<UInt64>], boundary: String) {
        self.content = content
        var start = "--"
        for range in ranges {
            self.append(
                ByteBuffer(
                    string: "\(start)\(boundary)\r\nContent-Type: application/octet-stream\r\nContent-Range: "
                        + "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(content.size)\r\n\r\n"))
            self.append(range)
            start = "\r\n--"
        }
        self.append(ByteBuffer(string: "\(start)\(boundary)--\r\n"))
    }

    private mutating func append(_ bytes: ByteBuffer) {
        self.count += UInt64(bytes.readableBytes)
        if bytes.readableBytes > 0 { self.pieces.append(.bytes(bytes)) }
    }

    /// A small file's octets come from memory: that saves system calls.
    private mutating func append(_ range: Range<UInt64>) {
        if let hot = self.content?.hot, let start = Int(exactly: range.lowerBound), let slice = hot.getSlice(at: start, length: range.count) {
            return self.append(slice)
        }
        self.count += UInt64(range.count)
        if !range.isEmpty { self.pieces.append(.file(range)) }
    }
}
