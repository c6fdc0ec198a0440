// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Requests, events and replies of ours.
extension LinkConnection {
    /// Sends a request and waits for its reply's body.
    func send(name: String, body: [UInt8], deadline: Duration) async throws -> [UInt8] {
        guard deadline > .zero else { throw LinkError.deadlineExceeded }
        let bytes = 4 + LinkFrame.fixedByteCount + name.utf8.count + body.count
        let id = try self.begin(bytes: bytes)
        let buffer = LinkFrame(.request, requestID: id, name: name, body: body).encoded()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.start(id, Request(continuation: continuation, unsent: buffer, bytes: bytes, deadline: nil), deadline: deadline)
                // A cancellation before the request was known has found nothing to cancel.
                if Task.isCancelled { self.finish(id, .failure(CancellationError())) }
            }
        } onCancel: {
            self.finish(id, .failure(CancellationError()))
        }
    }

    private func begin(bytes: Int) throws(LinkError) -> UInt64 {
        try self.state.withLock { state throws(LinkError) in
            try Self.check(state, bytes: bytes)
            return try state.core.beginRequest(bytes: bytes, now: .now())
        }
    }

    private static func check(_ state: State, bytes: Int) throws(LinkError) {
        switch state.phase {
        case .open: break
        case .opening: throw .notConnected
        case .ended(let reason): throw .closed(reason: state.goodbye.map { "the peer said: \($0)" } ?? reason)
        }
        guard bytes - 4 <= state.core.maximumFrameBytes else {
            throw .frameTooLarge(bytes: bytes - 4, limit: state.core.maximumFrameBytes)
        }
    }

    private func start(_ id: UInt64, _ request: Request, deadline: Duration) {
        let timer = self.channel.eventLoop.scheduleTask(in: TimeAmount(deadline)) {
            self.finish(id, .failure(LinkError.deadlineExceeded))
        }
        var request = request
        request.deadline = timer
        let (isKept, frame) = self.state.withLock { state -> (Bool, ByteBuffer?) in
            guard state.phase == .open else { return (false, nil) }
            // Its turn may have come between `begin` and now.
            let frame = state.core.inFlight.contains(id) ? request.unsent : nil
            if frame != nil { request.unsent = nil }
            state.requests[id] = request
            return (true, frame)
        }
        if let frame { self.transmit(frame) }
        if !isKept {
            timer.cancel()
            request.continuation.resume(throwing: LinkError.closed(reason: self.endReason ?? "closed"))
        }
    }

    /// Ends a request: answered, refused, too late or cancelled. One that has ended already is left alone.
    func finish(_ id: UInt64, _ result: Result<[UInt8], any Error>) {
        let (request, frames) = self.state.withLock { state -> (Request?, [ByteBuffer]) in
            guard let request = state.requests.removeValue(forKey: id) else { return (nil, []) }
            var frames: [ByteBuffer] = []
            for next in state.core.endRequest(id, unsentBytes: request.bytes, now: .now()) {
                if let frame = state.requests[next]?.unsent {
                    state.requests[next]?.unsent = nil
                    frames.append(frame)
                }
            }
            return (request, frames)
        }
        guard let request else { return }
        request.deadline?.cancel()
        for frame in frames { self.transmit(frame) }
        request.continuation.resume(with: result)
    }

    /// Sends an event.
    func notify(name: String, body: [UInt8]) throws(LinkError) {
        let frame = LinkFrame(.event, name: name, body: body)
        try self.state.withLock { state throws(LinkError) in
            try Self.check(state, bytes: 4 + frame.byteCount)
            guard state.core.enqueue(bytes: 4 + frame.byteCount, now: .now()) else { throw .queueFull }
        }
        self.transmit(frame.encoded())
    }

    /// Sends a frame if there is room; true also when the connection has ended, because then nothing matters.
    func offer(_ frame: LinkFrame) -> Bool {
        let isQueued = self.state.withLock { state -> Bool? in
            guard state.phase == .open else { return nil }
            return state.core.enqueue(bytes: 4 + frame.byteCount, now: .now())
        }
        if isQueued == true { self.transmit(frame.encoded()) }
        return isQueued != false
    }

    /// Sends the answer to a request, waiting for room. How many wait is bounded by how many requests are handled, and how long by the
    /// keepalive, which gives up a peer that reads nothing.
    func answer(_ frame: LinkFrame) async {
        var frame = frame
        let limit = self.state.withLock { $0.core.maximumFrameBytes }
        if frame.byteCount > limit {
            frame = LinkRefusal(.replyTooLarge, "a reply of \(frame.byteCount) bytes, expected at most \(limit)").frame(requestID: frame.requestID)
        }
        let bytes = 4 + frame.byteCount
        while !self.offer(frame) {
            await withCheckedContinuation { continuation in
                let mayGoOn = self.state.withLock { state in
                    if state.phase != .open || state.core.hasRoom(bytes: bytes) { return true }
                    state.roomWaiters.append(continuation)
                    return false
                }
                if mayGoOn { continuation.resume() }
            }
        }
    }

    /// A message of the peer's is done with.
    func handled(_ frame: LinkFrame) {
        self.state.withLock { $0.core.finish(bytes: frame.byteCount, isEvent: frame.kind == .event) }
        self.budget.giveBack()
    }

    /// Gives bytes to the network. Those that are counted in the queue are taken out when the network has them.
    func transmit(_ buffer: ByteBuffer, isCounted: Bool = true) {
        guard isCounted else { return self.channel.writeAndFlush(buffer, promise: nil) }
        let bytes = buffer.readableBytes
        self.channel.writeAndFlush(buffer).whenComplete { _ in
            let waiters = self.state.withLock { state in
                state.core.written(bytes: bytes, now: .now())
                defer { state.roomWaiters.removeAll() }
                return state.roomWaiters
            }
            for waiter in waiters { waiter.resume() }
        }
    }
}
