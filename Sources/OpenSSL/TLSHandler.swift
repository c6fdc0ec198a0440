// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// TLS for a NIO channel: encrypted bytes towards the network, plain ones towards the application.
///
/// It must be the first handler of the pipeline, and each channel needs its own; the ``TLSContext`` is shared. On the event loop, in the
/// channel initializer of a bootstrap:
///
/// ```swift
/// .childChannelInitializer { channel in
///     channel.eventLoop.makeCompletedFuture {
///         try channel.pipeline.syncOperations.addHandler(TLSHandler(context: context))
///         try channel.pipeline.syncOperations.addHandler(ApplicationHandler())
///     }
/// }
/// ```
///
/// An HTTP server library that lets one build its child channels (Hummingbird: a `ServerChildChannel` that wraps `HTTP1Channel`) is put on
/// top by adding this handler in `setup(channel:logger:)` before calling the wrapped channel's own `setup`.
///
/// - When the handshake is complete, a ``TLSHandshakeCompleted`` user event is fired. Writes before that are queued, up to
///   ``TLSLimits/maximumQueuedBytes``; a write beyond it fails.
/// - Every failure is fired as one ``OpenSSLError`` (`errorCaught`), the alert for the peer is sent, and the channel is closed. A connection
///   that ends without TLS's closing notice is a failure with code `truncated`.
/// - Closing the channel sends the closing notice first, and then waits a little for the peer to close, too: closing a socket that
///   holds bytes nobody has read resets the connection, and the peer would lose the last of what we sent.
public final class TLSHandler: ChannelDuplexHandler {
    /// Encrypted bytes.
    public typealias InboundIn = ByteBuffer
    /// Plain bytes.
    public typealias InboundOut = ByteBuffer
    /// Plain bytes.
    public typealias OutboundIn = ByteBuffer
    /// Encrypted bytes.
    public typealias OutboundOut = ByteBuffer

    /// Where the connection stands; it only goes forward.
    enum Phase: Int, Comparable {
        /// The channel is not active yet.
        case waiting
        /// Hellos and certificates are being exchanged; writes are queued.
        case handshaking
        /// Data flows.
        case established
        /// Our closing notice or alert is on its way, then the channel is closed. Nothing is delivered any more.
        case closing
        /// The channel is gone.
        case closed

        static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
    }

    let session: TLSSession
    let limits: TLSLimits
    var phase = Phase.waiting
    /// The peer has sent its closing notice.
    var isInputClosed = false
    /// The write of our closing notice, once there is one.
    var closingNotice: EventLoopFuture<Void>?
    var writes = MarkedCircularBuffer<(ByteBuffer, EventLoopPromise<Void>?)>(initialCapacity: 8)
    var queuedBytes = 0
    private var handshakeBytes = 0
    /// Answers of TLS's own that the network has not taken yet.
    private var protocolBytes = 0
    private var handshakeTimer: Scheduled<Void>?
    /// Whether the bytes of this read burst gave the application anything; if not, it will not ask for more by itself.
    private var hasDelivered = false

    /// Makes the handler of one channel.
    ///
    /// - Throws: ``OpenSSLError`` `invalidArgument` when the expectation does not fit the context, `openSSLFailure`.
    public init(context: TLSContext, expecting expectation: TLSPeerExpectation = .anyTrusted, limits: TLSLimits = TLSLimits()) throws {
        self.session = try TLSSession(context: context, expecting: expectation)
        self.limits = limits
    }

    /// Starts the handshake when the channel is connected already.
    public func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { self.start(context) }
    }

    /// Fails what is still queued.
    public func handlerRemoved(context: ChannelHandlerContext) {
        self.end(ChannelError.ioOnClosedChannel)
    }

    /// Starts the handshake.
    public func channelActive(context: ChannelHandlerContext) {
        self.start(context)
        context.fireChannelActive()
    }

    /// Decrypts.
    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = self.unwrapInboundIn(data)
        switch self.phase {
        case .waiting, .closing, .closed:
            return
        case .handshaking:
            self.handshakeBytes += bytes.readableBytes
            guard self.handshakeBytes <= self.limits.maximumHandshakeBytes else {
                let limit = self.limits.maximumHandshakeBytes
                return self.fail(context, OpenSSLError(.limitExceeded, "a TLS handshake of more than \(limit) bytes"))
            }
        case .established:
            if self.isInputClosed { return }
        }
        do {
            try unsafe bytes.withUnsafeReadableBytes { try unsafe self.session.receive($0) }
        } catch {
            return self.fail(context, error)
        }
        if self.phase == .handshaking { self.advanceHandshake(context) }
        if self.phase == .established { self.deliver(context) }
    }

    /// Asks for more bytes when those that came were only TLS's own.
    public func channelReadComplete(context: ChannelHandlerContext) {
        if !self.hasDelivered, self.phase > .waiting, self.phase < .closed { context.read() }
        self.hasDelivered = false
        context.fireChannelReadComplete()
    }

    /// A connection that ends without the closing notice may have lost its last bytes.
    public func channelInactive(context: ChannelHandlerContext) {
        let phase = self.phase
        let isTruncated = !self.isInputClosed && self.closingNotice == nil
        self.end(ChannelError.ioOnClosedChannel)
        switch phase {
        case .handshaking:
            context.fireErrorCaught(OpenSSLError(.truncated, "the peer closed the connection during the TLS handshake"))
        case .established where isTruncated:
            context.fireErrorCaught(OpenSSLError(.truncated, "the peer closed the connection without TLS's closing notice"))
        case .waiting, .established, .closing, .closed:
            break
        }
        context.fireChannelInactive()
    }

    /// The network's end of input is not TLS's: without a closing notice it is a truncation.
    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? ChannelEvent, event == .inputClosed else {
            return context.fireUserInboundEventTriggered(event)
        }
        switch self.phase {
        case .handshaking, .established:
            if !self.isInputClosed {
                self.fail(context, OpenSSLError(.truncated, "the peer closed the connection without TLS's closing notice"))
            }
        case .closing:
            context.close(mode: .all, promise: nil)
        case .waiting, .closed:
            break
        }
    }

    private func start(_ context: ChannelHandlerContext) {
        guard self.phase == .waiting else { return }
        self.phase = .handshaking
        self.handshakeTimer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(self.limits.handshakeTimeout)) {
            guard self.phase == .handshaking else { return }
            self.fail(context, OpenSSLError(.limitExceeded, "the TLS handshake took more than \(self.limits.handshakeTimeout)"))
        }
        self.advanceHandshake(context)
    }

    private func advanceHandshake(_ context: ChannelHandlerContext) {
        let progress = self.session.handshake()
        switch progress {
        case .needsMoreBytes:
            self.sendProtocolBytes(context)
        case .failed(let error):
            self.fail(context, error)
        case .completed(let peer):
            self.handshakeTimer?.cancel()
            self.handshakeTimer = nil
            self.sendProtocolBytes(context)
            guard self.phase == .handshaking else { return }
            self.phase = .established
            context.fireUserInboundEventTriggered(peer)
            if self.phase == .established { self.encryptQueue(context) }
        }
    }

    private func deliver(_ context: ChannelHandlerContext) {
        var plaintext = context.channel.allocator.buffer(capacity: 0)
        let progress = self.session.decrypt(into: &plaintext)
        if case .failed = progress {} else { self.sendProtocolBytes(context) }
        if plaintext.readableBytes > 0, self.phase == .established {
            self.hasDelivered = true
            context.fireChannelRead(self.wrapInboundOut(plaintext))
        }
        // The application may have closed the channel meanwhile.
        guard self.phase == .established else { return }
        switch progress {
        case .needsMoreBytes:
            break
        case .failed(let error):
            self.fail(context, error)
        case .closed:
            self.isInputClosed = true
            if self.limits.allowsHalfClosure, self.closingNotice == nil {
                context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            } else {
                self.closeGracefully(context, promise: nil)
            }
        }
    }

    /// Sends what TLS itself has to say. A peer that makes us talk and does not listen is cut off.
    private func sendProtocolBytes(_ context: ChannelHandlerContext) {
        guard let output = self.session.takeOutput(context.channel.allocator) else { return }
        let count = output.readableBytes
        self.protocolBytes += count
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in self.protocolBytes -= count }
        context.writeAndFlush(self.wrapOutboundOut(output), promise: written)
        if self.protocolBytes > self.limits.maximumProtocolBytes {
            self.fail(context, OpenSSLError(.limitExceeded, "the peer does not read \(self.protocolBytes) bytes of TLS's own answers"))
        }
    }

    /// Forgets timers and fails queued writes.
    func end(_ error: any Error) {
        self.phase = .closed
        self.handshakeTimer?.cancel()
        self.handshakeTimer = nil
        self.failQueue(error)
    }
}

@available(*, unavailable)
extension TLSHandler: Sendable {}
