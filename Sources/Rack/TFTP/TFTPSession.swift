// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import TFTP
import Transfers

/// One transfer with its content and its client.
struct TFTPSession {
    enum Content {
        case bytes([UInt8])
        case file(OpenContent, digest: String)
    }

    let path: UDPPath
    /// Nil when another rack began the transfer.
    let request: TFTPRequest?
    let name: String
    let macAddress: MACAddress?
    let content: Content
    let startedAt: Duration
    var transfer: ReadTransfer
    /// The progress that was last told to other racks.
    var toldBlock: UInt64 = 0

    var digest: String? {
        if case .file(_, let digest) = self.content { digest } else { nil }
    }

    static func size(of content: Content) -> UInt64 {
        switch content {
        case .bytes(let bytes): UInt64(bytes.count)
        case .file(let file, _): file.size
        }
    }

    /// Puts a block's octets into the buffer at `start`.
    ///
    /// - Returns: Whether the content has them.
    func read(block: UInt64, into buffer: inout [UInt8], at start: Int) -> Bool {
        let length = self.transfer.length(ofBlock: block)
        let offset = self.transfer.offset(ofBlock: block)
        switch self.content {
        case .bytes(let bytes):
            guard offset <= UInt64(bytes.count), start + length <= buffer.count else { return length == 0 }
            let first = Int(offset)
            guard length <= bytes.count - first else { return false }
            buffer.replaceSubrange(start..<start + length, with: bytes[first..<first + length])
            return true
        case .file(let file, _):
            return file.read(at: offset, length: length, into: &buffer, at: start)
        }
    }

    /// A text as netascii (RFC 764, NVT): lines end with CR LF, and a CR alone is CR NUL.
    static func netascii(_ text: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count + text.count / 16)
        for byte in text {
            switch byte {
            case UInt8(ascii: "\n"): bytes += [UInt8(ascii: "\r"), byte]
            case UInt8(ascii: "\r"): bytes += [byte, 0]
            default: bytes.append(byte)
            }
        }
        return bytes
    }
}
