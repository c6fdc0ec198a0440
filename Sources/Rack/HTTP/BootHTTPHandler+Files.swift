// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import Domain
import NIOCore
import NIOHTTP1

extension BootHTTPHandler {
    /// Answers a GET or HEAD for a file of the rack.
    func answer(name: String, _ request: BootExchange, context: ChannelHandlerContext) {
        let answer = self.service.answers.answer(
            BootRequest(name: name, client: self.client, service: self.local, transport: .http)
        )
        var exchange = request
        exchange.macAddress = answer.macAddress
        exchange.purpose = answer.purpose
        exchange.problem = answer.problem
        exchange.isProbe = answer.isProbe
        if request.head.method == .GET { self.observe(.httpRequest, exchange) }
        switch answer.content {
        case .notFound:
            // Never without a body: shim hangs on an empty one.
            self.send(.notFound, text: "not found", exchange, context: context)
        case .refused:
            self.send(.badRequest, text: "the name is not allowed", exchange, context: context)
        case .bytes(let bytes):
            self.send(
                .ok, body: .bytes(bytes), fields: [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")], exchange,
                context: context
            )
        case .file(let digest):
            if let content = self.service.descriptors.content(ofDigest: digest) {
                self.send(content, digest: digest, exchange, context: context)
            } else if request.head.headers[canonicalForm: "cache-control"].contains("only-if-cached") {
                // Another rack asks: it goes elsewhere (RFC 9111, section 5.2.1.7).
                self.send(.gatewayTimeout, text: "not cached on this rack", exchange, context: context)
            } else {
                self.fetch(digest, exchange, context: context)
            }
        }
    }

    /// Waits until the rack has the file, up to the deadline.
    private func fetch(_ digest: String, _ exchange: BootExchange, context: ChannelHandlerContext) {
        self.state = .waiting
        let loop = context.eventLoop
        let promise = loop.makePromise(of: Bool.self)
        let deadline = loop.scheduleTask(in: TimeAmount(self.service.configuration.fetchDeadline)) { promise.succeed(false) }
        self.service.fetches.request(digest) { isThere in promise.succeed(isThere) }
        let bound = NIOLoopBound((self, context, exchange), eventLoop: loop)
        promise.futureResult.whenSuccess { isThere in
            deadline.cancel()
            let (handler, context, exchange) = bound.value
            guard case .waiting = handler.state else { return }
            handler.state = .sending
            handler.progressed()
            if isThere, let content = handler.service.descriptors.content(ofDigest: digest) {
                handler.send(content, digest: digest, exchange, context: context)
            } else {
                handler.sendRetryLater("the file is not on this rack yet", exchange, context: context)
            }
        }
    }

    private func send(_ content: OpenContent, digest: String, _ exchange: BootExchange, context: ChannelHandlerContext) {
        let headers = exchange.head.headers
        let tag = "\"\(digest)\""
        var fields = [
            ("Content-Type", "application/octet-stream"), ("ETag", tag), ("Accept-Ranges", "bytes"),
            ("Cache-Control", "public, max-age=31536000, immutable"),
        ]
        let known = headers[canonicalForm: "if-none-match"].map { $0.hasPrefix("W/") ? $0.dropFirst(2) : $0[...] }
        if known.contains(where: { $0 == tag || $0 == "*" }) {
            return self.send(.notModified, body: .none, fields: fields, exchange, context: context)
        }
        // A part of another version is worth nothing: then the whole file is sent (RFC 9110, section 13.1.5).
        let isSameVersion = headers.first(name: "if-range").map { $0 == tag } ?? true
        let range = ByteRange(header: isSameVersion ? headers.first(name: "range") : nil, size: content.size)
        switch range {
        case .whole:
            self.send(.ok, body: .file(content, 0..<content.size), fields: fields, exchange, context: context)
        case .part(let part):
            fields.append(("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(content.size)"))
            self.send(.partialContent, body: .file(content, part), fields: fields, exchange, context: context)
        case .unsatisfiable:
            self.send(
                .rangeNotSatisfiable, text: "the file has \(content.size) octets", exchange, context: context,
                fields: [("Content-Range", "bytes */\(content.size)")])
        }
    }
}
