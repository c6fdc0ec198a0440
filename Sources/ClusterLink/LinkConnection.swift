// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import OpenSSL
import Synchronization

/// One connection of a link, from the TLS handshake to its end. Used from the channel's event loop and from any task.
final class LinkConnection: Sendable {
    /// Which end of the connection we are.
    enum Role: Sendable {
        case server
        case client
    }

    /// What the owner of the connection has to act on.
    enum Event: Sendable {
        /// The peer is known and has said hello.
        case opened
        /// A request or an event to be handled.
        case message(LinkFrame)
    }

    /// How far the connection is; it only goes forward.
    enum Phase: Equatable {
        case opening
        case open
        case ended(reason: String)
    }

    /// A request of ours that is not answered.
    struct Request {
        var continuation: CheckedContinuation<[UInt8], any Error>
        /// The frame, until it is given to the channel.
        var unsent: ByteBuffer?
        var bytes: Int
        var deadline: Scheduled<Void>?
    }

    struct State {
        var core: LinkCore
        var phase = Phase.opening
        var identity = ""
        var peerSoftware = ""
        var peerFingerprint = ""
        var roundTrip: Duration?
        var pingSent: NIODeadline?
        var pingNumber: UInt64 = 0
        var goodbye: String?
        var droppedEvents = 0
        var requests: [UInt64: Request] = [:]
        var roomWaiters: [CheckedContinuation<Void, Never>] = []
    }

    let channel: any Channel
    let role: Role
    let limits: LinkLimits
    let hello: LinkHello
    let budget: HandlerBudget
    /// Asked by a server, on the event loop, when a peer has said hello: why it is turned away, or nil.
    let admit: @Sendable (LinkConnection) -> String?
    /// Told to a server, on the event loop, when the link is up.
    let opened: @Sendable (LinkConnection) -> Void
    /// Ends when the connection does. For one reader.
    let events: AsyncStream<Event>
    let eventSink: AsyncStream<Event>.Continuation
    let state: Mutex<State>

    init(
        channel: any Channel, role: Role, limits: LinkLimits, software: String, budget: HandlerBudget,
        admit: @escaping @Sendable (LinkConnection) -> String? = { _ in nil },
        opened: @escaping @Sendable (LinkConnection) -> Void = { _ in }
    ) {
        self.channel = channel
        self.role = role
        self.limits = limits
        self.hello = LinkHello(
            software: software, maximumInFlight: limits.maximumInFlight, maximumFrameBytes: limits.maximumFrameBytes)
        self.budget = budget
        self.admit = admit
        self.opened = opened
        // Every message in here is counted by the core, which admits no more than this: nothing is ever dropped.
        (self.events, self.eventSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(3 * limits.maximumInFlight + 1))
        self.state = Mutex(State(core: LinkCore(limits: limits, now: .now())))
    }

    var isOpen: Bool { self.state.withLock { $0.phase == .open } }
    var identity: String { self.state.withLock { $0.identity } }

    /// Why the connection ended; nil while it has not.
    var endReason: String? {
        self.state.withLock { state in
            if case .ended(let reason) = state.phase { state.goodbye.map { "the peer said: \($0)" } ?? reason } else { nil }
        }
    }

    // MARK: On the event loop

    /// The TLS handshake is complete. Returns what is wrong with the peer, or nil.
    func identified(_ peer: TLSHandshakeCompleted, rolePrefix: String) -> String? {
        let roles = peer.peerURIs.filter { $0.hasPrefix(rolePrefix) }
        guard roles.count == 1, let identity = roles.first else {
            return "the certificate names \(roles.count) roles that begin with \(rolePrefix), expected one"
        }
        self.state.withLock { state in
            state.identity = identity
            state.peerFingerprint = peer.peerFingerprint ?? ""
        }
        if self.role == .client, let body = try? LinkCoding.encode(self.hello) {  // three plain fields: it cannot fail
            self.transmit(LinkFrame(.request, name: LinkHello.name, body: body).encoded(), isCounted: false)
        }
        return nil
    }

    /// A frame has come. Returns what is wrong with it, or nil.
    func receive(_ frame: LinkFrame) -> String? {
        switch self.state.withLock({ $0.phase }) {
        case .ended: return nil
        case .opening: return self.receiveFirst(frame)
        case .open: break
        }
        switch frame.kind {
        case .request, .event: self.receiveMessage(frame)
        case .reply: self.finish(frame.requestID, .success(frame.body))
        case .refusal: self.finish(frame.requestID, .failure(LinkError.refused(LinkRefusal(frame))))
        case .ping: self.answerPing(frame)
        case .pong: self.receivePong(frame)
        }
        return nil
    }

    /// The first frame is the hello: the client's request, or the server's reply. A server that turns us away says goodbye instead.
    private func receiveFirst(_ frame: LinkFrame) -> String? {
        if self.role == .client, frame.kind == .event, frame.name == LinkGoodbye.name {
            self.receiveMessage(frame)
            return nil
        }
        guard frame.kind == (self.role == .server ? .request : .reply), frame.name == LinkHello.name else {
            return "the first frame is a \(frame.kind), expected \(LinkHello.name)"
        }
        guard let hello = try? LinkCoding.decode(LinkHello.self, from: frame.body) else { return "a malformed \(LinkHello.name)" }
        self.state.withLock { state in
            state.peerSoftware = String(hello.software.prefix(100))
            state.core.adopt(peerInFlight: hello.maximumInFlight, peerFrameBytes: hello.maximumFrameBytes)
        }
        if let refusal = self.admit(self) {
            self.close(reason: refusal)
            return nil
        }
        if self.role == .server, let body = try? LinkCoding.encode(self.hello) {  // three plain fields: it cannot fail
            self.transmit(LinkFrame(.reply, requestID: frame.requestID, name: LinkHello.name, body: body).encoded(), isCounted: false)
        }
        let isOpen = self.state.withLock { state in
            if state.phase == .opening { state.phase = .open }
            return state.phase == .open
        }
        if isOpen {
            self.eventSink.yield(.opened)
            self.opened(self)
        }
        return nil
    }

    private func receiveMessage(_ frame: LinkFrame) {
        if frame.kind == .event, frame.name == LinkGoodbye.name {
            let reason = String(decoding: frame.body.prefix(LinkGoodbye.maximumByteCount), as: UTF8.self)
            return self.state.withLock { $0.goodbye = reason }
        }
        let isAdmitted = self.state.withLock { state in
            guard state.core.admit(bytes: frame.byteCount, isEvent: frame.kind == .event) else { return false }
            if self.budget.take() { return true }
            state.core.finish(bytes: frame.byteCount, isEvent: frame.kind == .event)
            return false
        }
        if isAdmitted {
            if case .terminated = self.eventSink.yield(.message(frame)) { self.handled(frame) }
        } else if frame.kind == .request {
            let refusal = LinkRefusal(.busy, "as many messages as allowed are being handled").frame(requestID: frame.requestID)
            if !self.offer(refusal) { self.close(reason: "the peer asks and does not read the answers") }
        } else {
            self.state.withLock { $0.droppedEvents += 1 }
        }
    }

    private func answerPing(_ frame: LinkFrame) {
        guard self.state.withLock({ $0.core.shouldAnswerPing() }) else { return }
        let pong = LinkFrame(.pong, requestID: frame.requestID).encoded()
        self.channel.writeAndFlush(pong).whenComplete { _ in self.state.withLock { $0.core.pongWritten() } }
    }

    private func receivePong(_ frame: LinkFrame) {
        self.state.withLock { state in
            guard frame.requestID == state.pingNumber, let sent = state.pingSent else { return }
            state.roundTrip = .nanoseconds((NIODeadline.now() - sent).nanoseconds)
            state.pingSent = nil
        }
    }

    /// Bytes have come from the peer.
    func heard() {
        self.state.withLock { $0.core.heard(now: .now()) }
    }

    /// The keepalive clock ticks.
    func tick() {
        let decision = self.state.withLock { state in
            let decision = state.core.tick(now: .now())
            if decision == .ping {
                state.pingNumber &+= 1
                state.pingSent = .now()
            }
            return (decision, state.pingNumber)
        }
        switch decision {
        case (.nothing, _): break
        case (.dead(let reason), _): self.close(reason: reason, tellPeer: false)
        case (.ping, let number):
            let ping = LinkFrame(.ping, requestID: number).encoded()
            self.channel.writeAndFlush(ping).whenComplete { _ in self.state.withLock { $0.core.pingWritten() } }
        }
    }

    // MARK: The end

    /// Ends the connection, tells the peer why if it can still be told, and closes the channel.
    func close(reason: String, tellPeer: Bool = true) {
        if tellPeer, self.endReason == nil {
            let body = Array(reason.utf8.prefix(LinkGoodbye.maximumByteCount))
            self.channel.writeAndFlush(LinkFrame(.event, name: LinkGoodbye.name, body: body).encoded(), promise: nil)
        }
        self.end(reason: reason)
        self.channel.close(promise: nil)
    }

    /// Nothing goes on any more: every waiting request fails, and ``events`` ends. The first reason counts.
    func end(reason: String) {
        let (requests, waiters) = self.state.withLock { state -> ([Request], [CheckedContinuation<Void, Never>]) in
            if case .ended = state.phase { return ([], []) }
            state.phase = .ended(reason: reason)
            defer {
                state.requests.removeAll()
                state.roomWaiters.removeAll()
            }
            return (Array(state.requests.values), state.roomWaiters)
        }
        self.eventSink.finish()
        let error = LinkError.closed(reason: self.endReason ?? reason)
        for request in requests {
            request.deadline?.cancel()
            request.continuation.resume(throwing: error)
        }
        for waiter in waiters { waiter.resume() }
    }
}
