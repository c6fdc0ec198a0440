// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import Domain
import Logging
import NIOCore
import NIOHTTP1

/// One connection of the HTTP boot server. The pipelining handler before it lets one request through at a time.
final class BootHTTPHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    enum State {
        /// Between requests.
        case idle
        /// The request's body is being read.
        case reading(BootExchange)
        /// The answer waits for a file or a region; the connection is not idle then.
        case waiting
        /// The answer is being sent.
        case sending
    }

    /// Octets that are given to the kernel at once: small enough to see progress on slow links.
    static let chunkBytes: UInt64 = 1 << 20
    /// Octets of a body that is sent to where none belongs.
    private static let maximumIgnoredBytes = 64 * 1024

    let service: BootHTTPService
    var state: State = .idle
    var client = IPAddress.v4(IPv4Address(rawValue: 0))
    var local = IPAddress.v4(IPv4Address(rawValue: 0))
    private var localPort = 0
    private var lastProgress: NIODeadline = .now()
    private var idleCheck: RepeatedTask?

    init(service: BootHTTPService) {
        self.service = service
    }

    /// The base URL under which the machine reached this server.
    var serviceURL: String { "http://\(self.local.urlHost):\(self.localPort)" }

    func channelActive(context: ChannelHandlerContext) {
        self.client = context.remoteAddress?.ipAddress.flatMap { IPAddress($0) } ?? self.client
        self.local = context.localAddress?.ipAddress.flatMap { IPAddress($0) } ?? self.local
        self.localPort = context.localAddress?.port ?? self.service.configuration.port
        self.lastProgress = .now()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let interval = TimeAmount(self.service.configuration.idleTimeout / 4)
        self.idleCheck = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            let (handler, context) = bound.value
            handler.checkIdle(context: context)
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.idleCheck?.cancel()
        self.idleCheck = nil
        if case .reading(let exchange) = self.state { self.service.release(bytes: exchange.reservedBytes) }
        self.state = .idle
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, case .idle = self.state { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.service.logger.debug("boot connection failed", metadata: ["client.address": "\(self.client)", "error": "\(error)"])
        context.close(promise: nil)
    }

    /// Says that the machine or the kernel took something.
    func progressed() {
        self.lastProgress = .now()
    }

    private func checkIdle(context: ChannelHandlerContext) {
        if case .waiting = self.state { return }
        guard NIODeadline.now() - self.lastProgress >= TimeAmount(self.service.configuration.idleTimeout) else { return }
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head): self.begin(head, context: context)
        case .body(let part): self.collect(part, context: context)
        case .end: self.end(context: context)
        }
    }

    private func begin(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        self.progressed()
        var exchange = BootExchange(head: head, route: BootHTTPRoute(uri: head.uri), startedAt: BootClock.monotonic)
        let limit = self.bodyLimit(exchange)
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > limit {
            exchange.isTooLarge = true
        }
        self.state = .reading(exchange)
        if exchange.isTooLarge { return self.refuseBody(exchange, context: context) }
        if head.headers[canonicalForm: "expect"].contains(where: { $0.lowercased() == "100-continue" }) {
            context.writeAndFlush(self.wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))), promise: nil)
        }
    }

    private func bodyLimit(_ exchange: BootExchange) -> Int {
        exchange.route == .region ? self.service.configuration.maximumBodyBytes : Self.maximumIgnoredBytes
    }

    private func collect(_ part: ByteBuffer, context: ChannelHandlerContext) {
        guard case .reading(var exchange) = self.state, !exchange.isTooLarge else { return }
        // Out of the state meanwhile, so that the body is not copied.
        self.state = .idle
        exchange.bodyCount += part.readableBytes
        if exchange.bodyCount > self.bodyLimit(exchange) {
            exchange.isTooLarge = true
        } else if exchange.route == .region {
            if self.service.reserve(bytes: part.readableBytes) {
                exchange.reservedBytes += part.readableBytes
                exchange.body += Array(part.readableBytesView)
            } else {
                exchange.isBusy = true
                exchange.isTooLarge = true
            }
        }
        self.state = .reading(exchange)
        // Dripping is no progress: small bodies must come within the idle time as a whole.
        if part.readableBytes >= 1024 { self.progressed() }
        if exchange.isTooLarge { self.refuseBody(exchange, context: context) }
    }

    /// Answers before the body was read, and closes, because the rest of it cannot be told from a next request.
    private func refuseBody(_ exchange: BootExchange, context: ChannelHandlerContext) {
        self.service.release(bytes: exchange.reservedBytes)
        self.state = .sending
        if exchange.isBusy {
            self.sendRetryLater("too many requests wait for a region", exchange, context: context, closing: true)
        } else {
            self.send(
                .payloadTooLarge, text: "the request is longer than \(self.bodyLimit(exchange)) octets", exchange, context: context,
                closing: true)
        }
    }

    private func end(context: ChannelHandlerContext) {
        guard case .reading(let exchange) = self.state else { return }
        self.progressed()
        self.state = .sending
        switch exchange.route {
        case .region:
            self.forward(exchange, context: context)
        case .refused:
            self.send(.badRequest, text: "the path is malformed or leaves the tree", exchange, context: context)
        case .file(let name):
            guard exchange.head.method == .GET || exchange.head.method == .HEAD else {
                return self.send(
                    .methodNotAllowed, text: "only GET and HEAD are served here", exchange, context: context, fields: [("Allow", "GET, HEAD")])
            }
            self.answer(name: name, exchange, context: context)
        }
    }
}
