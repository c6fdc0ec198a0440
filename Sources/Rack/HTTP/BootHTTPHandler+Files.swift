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
                .ok, body: BootBody(ByteBuffer(bytes: bytes)),
                fields: [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")], exchange, context: context
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
        let validators = ContentValidators(tag: "\"\(digest)\"", modified: HTTPDate.text(unixSeconds: content.modified))
        // A name with the digest never means anything else; what a loader's name means changes with its next version.
        let isImmutable = exchange.path.contains(digest)
        var fields = [
            ("Content-Type", "application/octet-stream"), ("ETag", validators.tag), ("Last-Modified", validators.modified),
            ("Accept-Ranges", "bytes"), ("Cache-Control", isImmutable ? "public, max-age=31536000, immutable" : "no-cache"),
        ]
        if validators.isKnown(to: headers) { return self.send(.notModified, body: .none, fields: fields, exchange, context: context) }
        let range = validators.allowsRange(headers) && exchange.head.method == .GET ? headers.first(name: "range") : nil
        switch ByteRanges(header: range, size: content.size) {
        case .whole:
            self.send(.ok, body: BootBody(content, 0..<content.size), fields: fields, exchange, context: context)
        case .parts(let parts) where parts.count == 1:
            fields.append(("Content-Range", "bytes \(parts[0].lowerBound)-\(parts[0].upperBound - 1)/\(content.size)"))
            self.send(.partialContent, body: BootBody(content, parts[0]), fields: fields, exchange, context: context)
        case .parts(let parts):
            // No file has its own digest in it.
            fields[0] = ("Content-Type", "multipart/byteranges; boundary=\(digest)")
            self.send(.partialContent, body: BootBody(content, parts, boundary: digest), fields: fields, exchange, context: context)
        case .unsatisfiable, .refused:
            self.send(
                .rangeNotSatisfiable, text: "the file has \(content.size) octets; at most \(ByteRanges.maximumCount) ranges are sent", exchange,
                context: context, fields: [("Content-Range", "bytes */\(content.size)")])
        }
    }
}
