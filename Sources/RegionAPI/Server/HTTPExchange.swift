// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import HTTPForms
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore

/// Turns HTTP messages into requests of the API and answers into HTTP messages.
struct HTTPExchange: Sendable {
    let dispatcher: Dispatcher
    let region: RegionContext
    let isRack: Bool

    @concurrent func answer(_ message: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
        let response: APIResponse
        do {
            var headers: [String: String] = [:]
            for field in message.headers where headers[field.name.canonicalName] == nil { headers[field.name.canonicalName] = field.value }
            if let authority = message.head.authority { headers["host"] = authority }
            let request = try APIRequest(
                method: message.method.rawValue, uri: message.head.path ?? "/", headers: headers,
                origin: APIRequest.Origin(isRack: self.isRack, peer: channel.remoteAddress?.ipAddress ?? ""), limits: self.region.limits.form
            )
            if headers["expect"]?.lowercased() == "100-continue" { try await writer.writeInformationalHead(HTTPResponse(status: .continue)) }
            response = await self.dispatcher.respond(to: request) { limit in
                try await Self.body(of: message, declared: headers["content-length"].flatMap(Int.init), limit: limit)
            }
        } catch let error as FormError {
            response = ProblemDetails.response(to: error, logger: self.region.logger, uri: message.head.path ?? "/")
        }
        try await self.write(response, to: writer, message: message)
    }

    @concurrent private static func body(of message: Request, declared: Int?, limit: Int) async throws -> [UInt8] {
        let refusal = APIFailure(status: 413, content: .text("The request's body is longer than \(limit) bytes."), headers: [("Connection", "close")])
        if let declared, declared > limit { throw refusal }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(declared ?? 0, limit))
        for try await part in message.body {
            guard bytes.count + part.readableBytes <= limit else { throw refusal }
            bytes += part.readableBytesView
        }
        return bytes
    }

    @concurrent private func write(_ response: APIResponse, to writer: consuming ResponseWriter, message: Request) async throws {
        var head = HTTPResponse(status: HTTPResponse.Status(code: response.status))
        head.headerFields[.contentType] = response.contentType
        head.headerFields[.date] = self.region.clock().httpText
        head.headerFields[.server] = "Gantry"
        if let name = HTTPField.Name("X-MAAS-API-Hash") { head.headerFields[name] = self.dispatcher.hash }
        for (name, value) in response.headers {
            if let name = HTTPField.Name(name) { head.headerFields[name] = value }
        }
        if message.headers[.connection]?.lowercased() == "close" { head.headerFields[.connection] = "close" }
        let isHead = message.method == .head
        switch response.body {
        case .bytes(let bytes):
            if response.status != 204 { head.headerFields[.contentLength] = String(bytes.count) }
            if isHead || bytes.isEmpty {
                try await writer.writeResponse(head)
            } else {
                try await writer.write(response: head, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
            }
        case .file(let path, let offset):
            let reader = try await FileReader(path: path)
            let size = reader.size
            let start = offset < size ? offset : 0
            await reader.seek(to: isHead ? size : start)
            if start > 0 {
                head.status = .partialContent
                head.headerFields[.contentRange] = "bytes \(start)-\(size - 1)/\(size)"
            }
            head.headerFields[.contentLength] = String(size - start)
            head.headerFields[.acceptRanges] = "bytes"
            do {
                try await writer.write(response: head, body: ResponseBody(asyncSequence: PulledBody { try await reader.next() }))
            } catch {
                await reader.close()
                throw error
            }
            await reader.close()
        case .stream(let pull, let finish):
            head.headerFields[.cacheControl] = "no-cache"
            let body = PulledBody { isHead ? nil : try await pull().map { ByteBuffer(string: $0) } }
            defer { finish() }
            try await writer.write(response: head, body: ResponseBody(asyncSequence: body))
        }
    }
}
