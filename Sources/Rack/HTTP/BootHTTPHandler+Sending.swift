// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Glibc
import NIOCore
import NIOHTTP1

extension BootHTTPHandler {
    enum Body {
        case none
        case bytes([UInt8])
        case file(OpenContent, Range<UInt64>)
    }

    /// Sends a short text that says what went wrong. It begins as a comment of GRUB's language: GRUB 2.06 runs the body of a 404 that answers
    /// a request for a configuration.
    func send(
        _ status: HTTPResponseStatus, text: String, _ exchange: BootExchange, context: ChannelHandlerContext,
        fields: [(String, String)] = [], closing: Bool = false
    ) {
        self.send(
            status, body: .bytes(Array("# \(status.code) \(status.reasonPhrase): \(text)\n".utf8)),
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
        _ status: HTTPResponseStatus, body: Body, fields: [(String, String)], _ exchange: BootExchange, context: ChannelHandlerContext,
        closing: Bool = false, length: String? = nil
    ) {
        self.state = .sending
        let isKeptAlive = exchange.head.isKeepAlive && !closing && !self.service.isDraining
        var headers = HTTPHeaders(fields)
        if !headers.contains(name: "date") { headers.add(name: "Date", value: HTTPDate.text(unixSeconds: BootClock.unixMilliseconds / 1000)) }
        headers.replaceOrAdd(name: "Connection", value: isKeptAlive ? "keep-alive" : "close")
        switch body {
        // Without a length NIO would announce and send chunks. It takes the length away again where none belongs (204, 304).
        case .none: headers.add(name: "Content-Length", value: length ?? "0")
        case .bytes(let bytes): headers.add(name: "Content-Length", value: "\(bytes.count)")
        case .file(_, let range): headers.add(name: "Content-Length", value: "\(range.count)")
        }
        let head = HTTPResponseHead(version: exchange.head.version, status: status, headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        let delivery = Delivery(status: status, exchange: exchange, isKeptAlive: isKeptAlive)
        switch body {
        case .bytes(let bytes) where exchange.head.method != .HEAD:
            context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
            self.sendEnd(delivery, sent: UInt64(bytes.count), context: context)
        case .file(let content, let range) where exchange.head.method != .HEAD && !range.isEmpty:
            self.sendChunk(of: content, range, sent: 0, delivery, context: context)
        case .none, .bytes, .file:
            self.sendEnd(delivery, sent: 0, context: context)
        }
    }

    /// What is known of an answer when it has been sent.
    struct Delivery {
        let status: HTTPResponseStatus
        let exchange: BootExchange
        let isKeptAlive: Bool
    }

    /// Sends the next part of a file with sendfile, and the rest when the kernel has taken it.
    private func sendChunk(
        of content: OpenContent, _ range: Range<UInt64>, sent: UInt64, _ delivery: Delivery, context: ChannelHandlerContext
    ) {
        // NIO's handle may be used by one event loop only, so each part has a descriptor of its own.
        let descriptor = dup(content.descriptor)
        let end = min(range.lowerBound + Self.chunkBytes, range.upperBound)
        guard descriptor >= 0, let first = Int(exactly: range.lowerBound), let last = Int(exactly: end) else {
            self.finish(delivery, sent: sent, isComplete: false)
            return context.close(promise: nil)
        }
        let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
        let region = FileRegion(fileHandle: handle, readerIndex: first, endIndex: last)
        let promise = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(self.wrapOutboundOut(.body(.fileRegion(region))), promise: promise)
        let bound = NIOLoopBound((self, context, delivery, handle), eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { result in
            let (handler, context, delivery, handle) = bound.value
            try? handle.close()  // A duplicate that was only read: nothing is lost.
            handler.progressed()
            let total = sent + (end - range.lowerBound)
            switch result {
            case .success where end < range.upperBound:
                handler.sendChunk(of: content, end..<range.upperBound, sent: total, delivery, context: context)
            case .success:
                handler.sendEnd(delivery, sent: total, context: context)
            case .failure:
                handler.finish(delivery, sent: sent, isComplete: false)
                context.close(promise: nil)
            }
        }
    }

    private func sendEnd(_ delivery: Delivery, sent: UInt64, context: ChannelHandlerContext) {
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound((self, context, delivery), eventLoop: context.eventLoop)
        // The next request may come before the promise is kept, so the state changes first.
        self.state = .idle
        promise.futureResult.whenComplete { result in
            let (handler, context, delivery) = bound.value
            handler.progressed()
            if case .success = result {
                handler.finish(delivery, sent: sent, isComplete: true)
                if !delivery.isKeptAlive { context.close(promise: nil) }
            } else {
                handler.finish(delivery, sent: 0, isComplete: false)
                context.close(promise: nil)
            }
        }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: promise)
    }

    private func finish(_ delivery: Delivery, sent: UInt64, isComplete: Bool) {
        guard case .file = delivery.exchange.route else { return }
        let isDone = isComplete && delivery.status.code < 400
        self.observe(isDone ? .httpDone : .httpFailed, delivery.exchange, status: delivery.status, bytes: sent, isComplete: isComplete)
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
