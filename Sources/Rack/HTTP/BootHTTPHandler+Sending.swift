// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Logging
import NIOCore
import NIOHTTP1

extension BootHTTPHandler {
    /// Sends a short text that says what went wrong. It begins as a comment of GRUB's language: GRUB 2.06 runs the body of a 404 that answers
    /// a request for a configuration.
    func send(
        _ status: HTTPResponseStatus, text: String, _ exchange: BootExchange, context: ChannelHandlerContext,
        fields: [(String, String)] = [], closing: Bool = false
    ) {
        self.send(
            status, body: BootBody(ByteBuffer(string: "# \(status.code) \(status.reasonPhrase): \(text)\n")),
            fields: [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")] + fields, exchange, context: context,
            closing: closing
        )
    }

    func sendRetryLater(_ text: String, _ exchange: BootExchange, context: ChannelHandlerContext, closing: Bool = false) {
        self.send(
            .serviceUnavailable, text: text, exchange, context: context,
            fields: [("Retry-After", "\(self.service.configuration.retryAfterSeconds)")], closing: closing
        )
    }

    /// Sends an answer and then waits for the next request, or closes.
    ///
    /// - Parameter length: The length to tell when there is no body, for answers to HEAD.
    func send(
        _ status: HTTPResponseStatus, body: BootBody, fields: [(String, String)], _ exchange: BootExchange, context: ChannelHandlerContext,
        closing: Bool = false, length: String? = nil
    ) {
        self.state = .sending
        let isKeptAlive = exchange.head.isKeepAlive && !closing && !self.service.isDraining
        var headers = HTTPHeaders(fields)
        if !headers.contains(name: "date") { headers.add(name: "Date", value: self.service.dateText) }
        headers.replaceOrAdd(name: "Connection", value: isKeptAlive ? "keep-alive" : "close")
        // Without a length NIO would announce and send chunks. It takes the length away again where none belongs (204, 304).
        headers.add(name: "Content-Length", value: length ?? "\(body.count)")
        let head = HTTPResponseHead(version: exchange.head.version, status: status, headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        let sent = exchange.head.method == .HEAD ? .none : body
        self.sendNext(BootDelivery(status: status, exchange: exchange, isKeptAlive: isKeptAlive, body: sent), context: context)
    }

    /// Gives the next chunk to the kernel, and the one after it when that was taken.
    private func sendNext(_ delivery: BootDelivery, context: ChannelHandlerContext) {
        let chunk: IOData?
        do {
            chunk = try delivery.next()
        } catch {
            self.service.logger.warning("a boot file cannot be sent", metadata: ["error": "\(error)"])
            return self.abandon(delivery, context: context)
        }
        guard let chunk else { return self.sendEnd(delivery, context: context) }
        if delivery.isLast {
            // The rest goes out together with the end: a short answer costs one system call.
            context.write(self.wrapOutboundOut(.body(chunk)), promise: nil)
            return self.sendEnd(delivery, context: context)
        }
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound((self, context, delivery), eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { result in
            let (handler, context, delivery) = bound.value
            guard case .success = result else { return handler.abandon(delivery, context: context) }
            delivery.took()
            handler.progressed()
            handler.sendNext(delivery, context: context)
        }
        context.writeAndFlush(self.wrapOutboundOut(.body(chunk)), promise: promise)
    }

    private func abandon(_ delivery: BootDelivery, context: ChannelHandlerContext) {
        delivery.end()
        self.finish(delivery, isComplete: false)
        context.close(promise: nil)
    }

    private func sendEnd(_ delivery: BootDelivery, context: ChannelHandlerContext) {
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound((self, context, delivery), eventLoop: context.eventLoop)
        // The next request may come before the promise is kept, so the state changes first.
        self.state = .idle
        self.unsentAnswers += 1
        promise.futureResult.whenComplete { result in
            let (handler, context, delivery) = bound.value
            handler.unsentAnswers -= 1
            guard case .success = result else { return handler.abandon(delivery, context: context) }
            delivery.took()
            delivery.end()
            handler.progressed()
            handler.finish(delivery, isComplete: true)
            if delivery.isKeptAlive { handler.closeIfDraining(context: context) } else { context.close(promise: nil) }
        }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: promise)
    }

    private func finish(_ delivery: BootDelivery, isComplete: Bool) {
        guard case .file = delivery.exchange.route else { return }
        let isDone = isComplete && delivery.status.code < 400
        self.observe(
            isDone ? .httpDone : .httpFailed, delivery.exchange, status: delivery.status, bytes: delivery.sent, isComplete: isComplete)
    }

    func observe(
        _ kind: BootObservation.Kind, _ exchange: BootExchange, status: HTTPResponseStatus? = nil, bytes: UInt64 = 0,
        isComplete: Bool = true
    ) {
        guard !exchange.isProbe else { return }
        var detail = exchange.problem ?? exchange.head.method.rawValue
        if let range = exchange.head.headers.first(name: "range") { detail += " \(range.prefix(64))" }
        if !isComplete { detail += ", the connection ended" }
        self.service.observations.record(
            BootObservation(
                milliseconds: BootClock.unixMilliseconds, kind: kind, client: self.client, macAddress: exchange.macAddress,
                name: exchange.path, bytes: bytes, duration: status == nil ? .zero : BootClock.monotonic - exchange.startedAt,
                status: status.map { Int($0.code) }, purpose: exchange.purpose, detail: detail
            )
        )
    }
}
