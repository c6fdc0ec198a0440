// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// An HTTP client over libcurl: connections are kept and shared, and one thread of its own drives them all.
///
/// Letting go of the client ends its transfers and its thread.
public final class HTTPClient: Sendable {
    private let loop: TransferLoop

    /// - Parameter maximumConnections: how many connections there may be at once (default 64); further requests wait.
    public init(maximumConnections: Int = 64) {
        self.loop = TransferLoop(maximumConnections: maximumConnections)
        self.loop.startThread()
    }

    deinit {
        self.loop.stop()
    }

    /// Sends a request and takes the whole answer.
    ///
    /// - Throws: `HTTPClientError`; `CancellationError` when the task is cancelled. A status such as 404 is an answer, not an error.
    public func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        let answer = try await self.open(request, offset: 0, boundsWhole: true)
        var body: [UInt8] = []
        for try await chunk in answer.body {
            guard body.count + chunk.count <= request.maximumResponseBytes else {
                throw HTTPClientError(.responseTooLarge, "\(request.url): the answer is longer than \(request.maximumResponseBytes) bytes")
            }
            body += chunk
        }
        return HTTPResponse(status: answer.status, headers: answer.headers, body: body)
    }

    /// Sends a GET request and takes the whole answer, as `send` does.
    public func get(_ url: String, headers: [HTTPHeader] = [], timeout: Duration = .seconds(60)) async throws -> HTTPResponse {
        try await self.send(HTTPRequest(url: url, headers: headers, timeout: timeout))
    }

    /// Sends a request and returns when the answer's head has come; the body follows as a stream. For long answers and server-sent events.
    ///
    /// - Parameter offset: the first byte wanted. More than 0 asks for a range: a server that cannot do that answers with an error.
    public func open(_ request: HTTPRequest, offset: Int64 = 0) async throws -> HTTPStreamingResponse {
        try await self.open(request, offset: offset, boundsWhole: false)
    }

    private func open(_ request: HTTPRequest, offset: Int64, boundsWhole: Bool) async throws -> HTTPStreamingResponse {
        let transfer = Transfer(request, offset: offset, boundsWhole: boundsWhole, loop: self.loop)
        let body = HTTPByteStream(transfer)
        self.loop.start(transfer)
        let (status, headers) = try await transfer.head()
        return HTTPStreamingResponse(status: status, headers: headers, body: body)
    }
}
