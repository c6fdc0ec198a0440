// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOPosix
import OpenSSL
import Synchronization

/// An HTTP server in the place of a region: it keeps what it was asked and answers what it is told to.
final class TestRegion: Sendable {
    struct Request: Sendable {
        var method: String
        var uri: String
        var headers: [(name: String, value: String)]
        var body: [UInt8]

        func header(_ name: String) -> [String] {
            self.headers.filter { $0.name.lowercased() == name.lowercased() }.map { $0.value }
        }
    }

    struct Answer: Sendable {
        var status = 200
        var headers: [(String, String)] = []
        var body: [UInt8] = Array("region".utf8)
        /// Close the connection instead of answering.
        var hangsUp = false
        /// Close it after so many octets of the body.
        var cutAfter: Int?
    }

    private let answer: @Sendable (Request) -> Answer
    private let seen = Mutex<[Request]>([])
    private let connections = Atomic<Int>(0)
    private let channel = Mutex<(any Channel)?>(nil)

    init(tls: TLSContext? = nil, _ answer: @escaping @Sendable (Request) -> Answer = { _ in Answer() }) async throws {
        self.answer = answer
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                self.connections.wrappingAdd(1, ordering: .relaxed)
                return channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(try TLSHandler(context: tls, expecting: .rolePrefix("gantry:rack:")))
                    }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(region: self))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.channel.withLock { $0 = channel }
    }

    deinit {
        self.close()
    }

    var port: Int { self.channel.withLock { $0?.localAddress?.port } ?? 0 }
    var requests: [Request] { self.seen.withLock { $0 } }
    var connectionCount: Int { self.connections.load(ordering: .relaxed) }

    func close() {
        self.channel.withLock { $0 }?.close(promise: nil)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        weak let region: TestRegion?
        var head: HTTPRequestHead?
        var body: [UInt8] = []

        init(region: TestRegion) {
            self.region = region
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch self.unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                self.body = []
            case .body(let part):
                self.body += Array(part.readableBytesView)
            case .end:
                guard let head = self.head, let region = self.region else { return context.close(promise: nil) }
                let request = Request(
                    method: head.method.rawValue, uri: head.uri, headers: head.headers.map { ($0.name, $0.value) }, body: self.body)
                region.seen.withLock { $0.append(request) }
                let answer = region.answer(request)
                guard !answer.hangsUp else { return context.close(promise: nil) }
                var headers = HTTPHeaders(answer.headers)
                headers.add(name: "Content-Length", value: "\(answer.body.count)")
                let response = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status), headers: headers)
                context.write(self.wrapOutboundOut(.head(response)), promise: nil)
                if let cut = answer.cutAfter {
                    let part = ByteBuffer(bytes: answer.body.prefix(cut))
                    context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(part)))).whenComplete { [channel = context.channel] _ in
                        channel.close(promise: nil)
                    }
                    return
                }
                if head.method != .HEAD { context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil) }
                context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
