// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import TFTP
import Transfers

/// One transfer with its content and its client. Belongs to the TFTP server's thread.
final class TFTPSession {
    enum Content {
        case bytes([UInt8])
        case file(OpenContent, digest: String)

        /// All of it, when it is not longer than `limit` octets and can be read.
        func bytes(limit: Int) -> [UInt8]? {
            switch self {
            case .bytes(let bytes): bytes.count <= limit ? bytes : nil
            case .file(let file, _): file.bytes(limit: limit)
            }
        }
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
    /// Whether the kernel may cut up a window for this client's path.
    private var offload = true
    /// A part of the file, read ahead so that a block does not cost a system call, and where it begins.
    private var buffer: [UInt8] = []
    private var bufferStart: UInt64 = 0

    /// Octets that are read ahead: 22 blocks of 1468.
    private static let readAhead = 32 * 1024

    init(
        path: UDPPath, request: TFTPRequest?, name: String, macAddress: MACAddress?, content: Content, startedAt: Duration,
        transfer: ReadTransfer
    ) {
        self.path = path
        self.request = request
        self.name = name
        self.macAddress = macAddress
        self.content = content
        self.startedAt = startedAt
        self.transfer = transfer
    }

    var digest: String? {
        if case .file(_, let digest) = self.content { digest } else { nil }
    }

    static func size(of content: Content) -> UInt64 {
        switch content {
        case .bytes(let bytes): UInt64(bytes.count)
        case .file(let file, _): file.size
        }
    }

    /// Sends blocks to the client.
    ///
    /// - Returns: Whether the content could be read.
    func send(first: UInt64, count: Int, through socket: UDPSocket) -> Bool {
        let blockSize = self.transfer.terms.blockSize
        let piece = max(1, Self.readAhead / blockSize)
        var done = 0
        while done < count {
            let block = first + UInt64(done)
            let blocks = min(piece, count - done)
            let start = self.transfer.offset(ofBlock: block)
            let length = Int(min(UInt64(blocks * blockSize), Self.size(of: self.content) - min(start, Self.size(of: self.content))))
            switch self.content {
            case .bytes(let bytes):
                self.send(bytes, from: Int(start), length: length, block, blocks, through: socket)
            case .file(let file, _):
                guard self.fill(from: file, start: start, length: length) else { return false }
                self.send(self.buffer, from: Int(start - self.bufferStart), length: length, block, blocks, through: socket)
            }
            done += blocks
        }
        return true
    }

    private func send(_ bytes: [UInt8], from start: Int, length: Int, _ block: UInt64, _ count: Int, through socket: UDPSocket) {
        unsafe bytes.withUnsafeBytes { bytes in
            let content = unsafe UnsafeRawBufferPointer(rebasing: bytes[min(start, bytes.count)..<min(start + length, bytes.count)])
            unsafe socket.send(
                content, first: block, blockSize: self.transfer.terms.blockSize, count: count, to: self.path, offload: &self.offload)
        }
    }

    /// Has these octets of the file in the buffer.
    private func fill(from file: OpenContent, start: UInt64, length: Int) -> Bool {
        if length == 0 {
            self.bufferStart = start
            return true
        }
        if start >= self.bufferStart, start + UInt64(length) <= self.bufferStart + UInt64(self.buffer.count) { return true }
        let count = Int(min(UInt64(max(Self.readAhead, length)), file.size - start))
        if self.buffer.count != count { self.buffer = [UInt8](repeating: 0, count: count) }
        self.bufferStart = start
        guard file.read(at: start, into: &self.buffer) else {
            self.buffer = []
            return false
        }
        return true
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
