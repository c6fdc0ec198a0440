// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// A request to write on a region's connection, and where its answer goes.
struct RegionExchange: Sendable {
    let request: ForwardRequest
    let host: String
    /// The answer, and whether the connection may be used again.
    let promise: EventLoopPromise<(response: ForwardResponse, isReusable: Bool)>
}

/// Speaks HTTP/1.1 to a region: one exchange after another.
final class RegionExchangeHandler: ChannelDuplexHandler, Sendable {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = RegionExchange
    typealias OutboundOut = HTTPClientRequestPart

    private struct Current {
        let exchange: RegionExchange
        var deadline: Scheduled<Void>
        var head: HTTPResponseHead?
        var body: [UInt8] = []
    }

    private let timeout: TimeAmount
    private let maximumResponseBytes: Int
    private let current: NIOLoopBoundBox<Current?>

    init(eventLoop: any EventLoop, timeout: Duration, maximumResponseBytes: Int) {
        self.timeout = TimeAmount(timeout)
        self.maximumResponseBytes = maximumResponseBytes
        self.current = NIOLoopBoundBox(nil, eventLoop: eventLoop)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let exchange = self.unwrapOutboundIn(data)
        guard self.current.value == nil, context.channel.isActive else {
            exchange.promise.fail(RegionForwardError(.notSent, "the connection is in use or closed"))
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let deadline = context.eventLoop.scheduleTask(in: self.timeout) {
            let (handler, context) = bound.value
            handler.fail(RegionForwardError(.timedOut, "the region did not answer in time"), context: context)
        }
        self.current.value = Current(exchange: exchange, deadline: deadline)
        var head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: exchange.request.method), uri: exchange.request.uri,
            headers: HTTPHeaders(exchange.request.headers.map { ($0.name, $0.value) })
        )
        if !head.headers.contains(name: "host") { head.headers.add(name: "Host", value: exchange.host) }
        let needsLength = !exchange.request.body.isEmpty || !["GET", "HEAD", "OPTIONS", "DELETE"].contains(exchange.request.method)
        if needsLength { head.headers.add(name: "Content-Length", value: "\(exchange.request.body.count)") }
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if !exchange.request.body.isEmpty {
            context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: exchange.request.body)))), promise: nil)
        }
        let sent = promise ?? context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenFailure { error in
            let (handler, context) = bound.value
            handler.fail(RegionForwardError(.notSent, "the request was not sent: \(error)"), context: context)
        }
        context.write(self.wrapOutboundOut(.end(nil)), promise: sent)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.current.value != nil else { return context.close(promise: nil) }
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            // Interim answers (RFC 9110, section 15.2) are for the rack only.
            if head.status.code >= 200 { self.current.value?.head = head }
        case .body(let part):
            guard (self.current.value?.body.count ?? 0) + part.readableBytes <= self.maximumResponseBytes else {
                let limit = self.maximumResponseBytes
                return self.fail(RegionForwardError(.responseTooLarge, "the answer is longer than \(limit) octets"), context: context)
            }
            self.current.value?.body.append(contentsOf: part.readableBytesView)
        case .end:
            guard let current = self.current.value, let head = current.head else { return }
            self.current.value = nil
            current.deadline.cancel()
            let response = ForwardResponse(
                status: Int(head.status.code), headers: Self.fields(head, of: current.exchange.request), body: current.body
            )
            let isReusable = head.isKeepAlive && context.channel.isActive
            if !isReusable { context.close(promise: nil) }
            current.exchange.promise.succeed((response, isReusable))
        }
    }

    /// The fields for the machine; the answer to HEAD keeps its length, which says nothing about its own body.
    private static func fields(_ head: HTTPResponseHead, of request: ForwardRequest) -> [ForwardHeader] {
        let length = request.method == "HEAD" ? head.headers.first(name: "content-length") : nil
        return ForwardHeaders.response(head.headers) + (length.map { [ForwardHeader(name: "Content-Length", value: $0)] } ?? [])
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail(RegionForwardError(.connectionLost, "the region closed the connection"), context: context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.fail(RegionForwardError(.connectionLost, "the connection to the region failed: \(error)"), context: context)
        context.close(promise: nil)
    }

    private func fail(_ error: RegionForwardError, context: ChannelHandlerContext) {
        guard let current = self.current.value else { return }
        self.current.value = nil
        current.deadline.cancel()
        current.exchange.promise.fail(error)
        context.close(promise: nil)
    }
}
