// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// One exchange: libcurl's thread puts bytes in, one task takes them out.
///
/// The thread never waits: when more than `highWater` bytes lie here, libcurl is told to pause, and `loop.resume` wakes it when the task has
/// taken most of them.
final class Transfer: Sendable {
    static let highWater = 1 << 20
    static let lowWater = 1 << 18
    /// More header lines than that are not kept (nor refused: they are not ours to judge).
    static let maximumHeaders = 256

    let request: HTTPRequest
    /// The first byte wanted; more than 0 asks for a range.
    let offset: Int64
    /// Whether `request.timeout` bounds the whole exchange, or only silences.
    let boundsWhole: Bool
    private let loop: TransferLoop
    private let state = Mutex(State())

    private struct State {
        var status = 0
        var headers: [HTTPHeader] = []
        /// Whether the answer's head is complete: informational answers and redirects are over.
        var hasHead = false
        var chunks: [[UInt8]] = []
        var next = 0
        var bufferedBytes = 0
        var isPaused = false
        var end: Result<Void, any Error>?
        var waiter: CheckedContinuation<Void, Never>?

        mutating func takeWaiter() -> CheckedContinuation<Void, Never>? {
            defer { self.waiter = nil }
            return self.waiter
        }

        mutating func takeChunk() -> [UInt8]? {
            guard self.next < self.chunks.count else { return nil }
            let chunk = self.chunks[self.next]
            self.chunks[self.next] = []
            self.next += 1
            self.bufferedBytes -= chunk.count
            if self.next == self.chunks.count {
                self.chunks.removeAll(keepingCapacity: true)
                self.next = 0
            }
            return chunk
        }
    }

    init(_ request: HTTPRequest, offset: Int64, boundsWhole: Bool, loop: TransferLoop) {
        self.request = request
        self.offset = offset
        self.boundsWhole = boundsWhole
        self.loop = loop
    }

    // MARK: libcurl's thread

    /// A header line as it came, with its line end. Each answer of a chain (100, redirects) begins with a status line.
    func receivedHeader(_ line: String) {
        let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            let text = line.trimmingLineEnd
            if text.hasPrefix("HTTP/") {
                state.status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
                state.headers = []
                return nil
            }
            guard text.isEmpty else {
                if let colon = text.firstIndex(of: ":"), state.headers.count < Self.maximumHeaders {
                    state.headers.append(HTTPHeader(String(text[..<colon]), text[text.index(after: colon)...].trimmingSpaces))
                }
                return nil
            }
            let isInformational = (100..<200).contains(state.status)
            let isFollowed =
                [301, 302, 303, 307, 308].contains(state.status) && state.headers.value(of: "Location") != nil && self.request.maximumRedirects > 0
            guard !isInformational, !isFollowed else { return nil }
            state.hasHead = true
            return state.takeWaiter()
        }
        waiter?.resume()
    }

    /// Whether the bytes were taken; if not, libcurl keeps them and pauses.
    func received(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let chunk = unsafe [UInt8](bytes)
        let (taken, waiter) = self.state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            guard state.bufferedBytes < Self.highWater else {
                state.isPaused = true
                return (false, nil)
            }
            state.hasHead = true
            if !chunk.isEmpty { state.chunks.append(chunk) }
            state.bufferedBytes += chunk.count
            return (true, state.takeWaiter())
        }
        waiter?.resume()
        return taken
    }

    /// The exchange is over. Only the first end counts.
    func ended(_ result: Result<Void, any Error>) {
        let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.end == nil { state.end = result }
            return state.takeWaiter()
        }
        waiter?.resume()
    }

    // MARK: the reader

    /// The answer's head. A `file` URL has status 200.
    func head() async throws -> (status: Int, headers: [HTTPHeader]) {
        while true {
            let known = try self.state.withLock { state -> (Int, [HTTPHeader])? in
                if state.hasHead { return (state.status == 0 ? 200 : state.status, state.headers) }
                guard let end = state.end else { return nil }
                try end.get()
                return (state.status == 0 ? 200 : state.status, state.headers)
            }
            if let known { return known }
            await self.change(orHead: true)
        }
    }

    /// The next bytes; nil at the end.
    func nextChunk() async throws -> [UInt8]? {
        while true {
            try Task.checkCancellation()
            let (chunk, end, resumes) = self.state.withLock { state -> ([UInt8]?, Result<Void, any Error>?, Bool) in
                let chunk = state.takeChunk()
                let resumes = state.isPaused && state.bufferedBytes <= Self.lowWater
                if resumes { state.isPaused = false }
                return (chunk, state.end, resumes)
            }
            if resumes { self.loop.resume(self) }
            if let chunk { return chunk }
            if let end {
                try end.get()
                return nil
            }
            await self.change(orHead: false)
        }
    }

    func cancel() {
        self.loop.cancel(self)
    }

    /// Waits until bytes, the head or the end have come. One task at a time.
    private func change(orHead: Bool) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = self.state.withLock { state -> Bool in
                    if state.end != nil || state.next < state.chunks.count || (orHead && state.hasHead) { return true }
                    precondition(state.waiter == nil, "two tasks read one HTTP answer")
                    state.waiter = continuation
                    return false
                }
                if now { continuation.resume() }
            }
        } onCancel: {
            self.loop.cancel(self)
        }
    }
}

extension String {
    fileprivate var trimmingLineEnd: Substring {
        var rest = Substring(self)
        while let last = rest.last, last.isNewline { rest.removeLast() }
        return rest
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        var rest = self.drop { $0 == " " || $0 == "\t" }
        while rest.last == " " || rest.last == "\t" { rest.removeLast() }
        return String(rest)
    }
}
