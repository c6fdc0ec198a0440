// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Logging
import NIOCore
import NIOHTTP1

extension BootHTTPHandler {
    /// Passes a request on to a region and its answer back.
    func forward(_ request: BootExchange, context: ChannelHandlerContext) {
        var exchange = request
        exchange.macAddress = self.service.answers.macAddress(of: self.client)
        let loop = context.eventLoop
        let promise = loop.makePromise(of: ForwardResponse.self)
        let job = BootHTTPService.ForwardJob(
            request: ForwardRequest(
                method: exchange.head.method.rawValue, uri: BootHTTPRoute.originForm(of: exchange.head.uri),
                headers: ForwardHeaders.request(exchange.head.headers, client: self.client, service: self.serviceURL), body: exchange.body,
                clientAddress: self.client
            ), promise: promise
        )
        exchange.body = []
        self.state = .waiting
        guard self.service.enqueue(job) else {
            promise.fail(BootHTTPBusy())
            return self.forwarded(.failure(BootHTTPBusy()), exchange, context: context)
        }
        let deadline = loop.scheduleTask(in: TimeAmount(self.service.configuration.forwardDeadline)) { promise.fail(BootHTTPBusy()) }
        let bound = NIOLoopBound((self, context, exchange), eventLoop: loop)
        promise.futureResult.whenComplete { result in
            deadline.cancel()
            let (handler, context, exchange) = bound.value
            handler.forwarded(result, exchange, context: context)
        }
    }

    private func forwarded(_ result: Result<ForwardResponse, any Error>, _ exchange: BootExchange, context: ChannelHandlerContext) {
        self.service.release(bytes: exchange.reservedBytes)
        guard case .waiting = self.state else { return }
        self.progressed()
        switch result {
        case .failure(let error):
            self.service.logger.debug("no region answered", metadata: ["error": "\(error)", "client.address": "\(self.client)"])
            self.observe(.metadata, exchange, status: .serviceUnavailable)
            self.sendRetryLater("no region answered", exchange, context: context)
        case .success(let response):
            let status = HTTPResponseStatus(statusCode: response.status)
            self.observe(.metadata, exchange, status: status, bytes: UInt64(response.body.count))
            // RFC 9112, section 6.3: these have no body, whatever the region sent.
            let hasBody = response.status >= 200 && response.status != 204 && response.status != 304
            var body = hasBody && exchange.head.method != .HEAD ? ByteBuffer(bytes: response.body) : ByteBuffer()
            // Firmware hangs on a 404 without a body, whoever wrote it.
            if status == .notFound, exchange.head.method != .HEAD, body.readableBytes == 0 { body.writeString("404 Not Found\n") }
            let length = response.headers.first { $0.name.lowercased() == "content-length" }?.value
            self.send(
                status, body: BootBody(body),
                fields: response.headers.filter { $0.name.lowercased() != "content-length" }.map { ($0.name, $0.value) },
                exchange, context: context, length: exchange.head.method == .HEAD ? length : nil
            )
        }
    }
}

/// No region can take the request now.
struct BootHTTPBusy: Error, CustomStringConvertible {
    var description: String { "too many requests wait, or no region answered in time" }
}
