// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// One answer on its way to the machine, in chunks of which one at a time is given to the kernel: a slow reader costs no memory, and
/// its progress is seen.
///
/// Belongs to the connection's event loop.
final class BootDelivery {
    let status: HTTPResponseStatus
    let exchange: BootExchange
    let isKeptAlive: Bool
    private let body: BootBody
    private var piece = 0
    /// Octets of the current piece that were given to the kernel.
    private var offset: UInt64 = 0
    /// A descriptor of its own, because NIO's handle may be used by one event loop only.
    private var handle: NIOFileHandle?
    /// Octets of the chunk that the kernel is taking.
    private var pending: UInt64 = 0
    /// Octets that the kernel has taken.
    private(set) var sent: UInt64 = 0

    /// What must be taken within the idle time, 9 KiB/s with the defaults, and enough that a chunk costs little beside its copying.
    private static let chunk: UInt64 = 512 << 10

    init(status: HTTPResponseStatus, exchange: BootExchange, isKeptAlive: Bool, body: BootBody) {
        self.status = status
        self.exchange = exchange
        self.isKeptAlive = isKeptAlive
        self.body = body
    }

    /// The next chunk; nil after the last.
    ///
    /// - Throws: NIO's error when there is no descriptor for the file.
    func next() throws -> IOData? {
        while self.piece < self.body.pieces.count {
            switch self.body.pieces[self.piece] {
            case .bytes(let bytes):
                let count = min(bytes.readableBytes - Int(self.offset), Int(Self.chunk))
                if let slice = bytes.getSlice(at: bytes.readerIndex + Int(self.offset), length: count), count > 0 {
                    return .byteBuffer(self.take(slice, count))
                }
            case .file(let range):
                let start = range.lowerBound + self.offset
                let end = min(start + Self.chunk, range.upperBound)
                if start < end { return .fileRegion(self.take(try self.region(start, end), Int(end - start))) }
            }
            self.piece += 1
            self.offset = 0
        }
        return nil
    }

    private func take<Data>(_ data: Data, _ count: Int) -> Data {
        self.offset += UInt64(count)
        self.pending = UInt64(count)
        return data
    }

    /// Whether the chunk that `next` gave is the last, to be handed over with the answer's end.
    var isLast: Bool { self.sent + self.pending == self.body.count }

    /// The kernel has taken the chunk.
    func took() {
        self.sent += self.pending
        self.pending = 0
    }

    private func region(_ start: UInt64, _ end: UInt64) throws -> FileRegion {
        guard let content = self.body.content else { throw ChannelError.operationUnsupported }
        let handle = try self.handle ?? content.duplicate()
        self.handle = handle
        return FileRegion(fileHandle: handle, readerIndex: Int(clamping: start), endIndex: Int(clamping: end))
    }

    /// Lets the descriptor go; nothing is sent afterwards.
    func end() {
        try? self.handle?.close()  // A duplicate that was only read: nothing is lost.
        self.handle = nil
    }
}
