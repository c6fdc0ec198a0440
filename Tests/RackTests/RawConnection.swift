// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization
import TestSupport

/// A TCP connection that sends what a test says, octet by octet if it likes, and reads only when it is told to.
final class RawConnection: Sendable {
    private let channel: any Channel
    private let reader: Reader

    /// - Parameter reads: Whether it takes what comes without being told to.
    init(port: Int, reads: Bool = true) async throws {
        let reader = Reader()
        self.reader = reader
        self.channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(reader) }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    deinit {
        self.channel.close(promise: nil)
    }

    /// What has come.
    var received: [UInt8] { self.reader.octets.withLock { $0 } }
    var text: String { String(decoding: self.received, as: UTF8.self) }
    var isOpen: Bool { self.channel.isActive }

    func send(_ text: String) { self.send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) { self.channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

    /// From now on takes what comes.
    func read() async throws {
        try await self.channel.setOption(.autoRead, value: true).get()
        self.channel.read()
    }

    /// Leaves as a machine does that loses its power: without a word if anything is unread.
    func close() { self.channel.close(promise: nil) }

    func waitForEnd() async throws {
        try await eventually("the connection is closed") { !self.isOpen }
    }

    private final class Reader: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        let octets = Mutex<[UInt8]>([])

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Self.unwrapInboundIn(data)
            self.octets.withLock { $0 += bytes.readableBytesView }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
