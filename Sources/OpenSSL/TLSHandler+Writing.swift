// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Writing and closing.
extension TLSHandler {
    /// The most plain bytes of one record (RFC 8446 section 5.1). Smaller writes of one flush share a record.
    private static let recordBytes = 16 << 10
    /// Encrypted bytes are handed on in pieces of about this size, so that a big write is never in memory twice.
    private static let pieceBytes = 256 << 10

    /// Queues until the next flush.
    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = self.unwrapOutboundIn(data)
        guard self.phase < .closing else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        guard self.closingNotice == nil else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        guard self.phase == .established || self.queuedBytes + bytes.readableBytes <= self.limits.maximumQueuedBytes else {
            promise?.fail(OpenSSLError(.limitExceeded, "more than \(self.limits.maximumQueuedBytes) bytes wait for the TLS handshake"))
            return
        }
        self.queuedBytes += bytes.readableBytes
        self.writes.append((bytes, promise))
    }

    /// Encrypts and sends what was written before.
    public func flush(context: ChannelHandlerContext) {
        self.writes.mark()
        if self.phase == .established { self.encryptQueue(context) }
        context.flush()
    }

    /// Sends the closing notice first.
    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .input:
            context.close(mode: .input, promise: promise)
        case .output:
            guard self.phase == .established else {
                promise?.fail(ChannelError.ioOnClosedChannel)
                return
            }
            self.sendClosingNotice(context).assumeIsolated().whenComplete { _ in
                context.close(mode: .output, promise: promise)
            }
        case .all:
            switch self.phase {
            case .established:
                self.closeGracefully(context, promise: promise)
            case .closing:
                if let promise { context.channel.closeFuture.cascade(to: promise) }
            case .waiting, .handshaking, .closed:
                self.end(ChannelError.ioOnClosedChannel)
                context.close(mode: .all, promise: promise)
            }
        }
    }

    /// Encrypts all writes up to the last flush.
    func encryptQueue(_ context: ChannelHandlerContext) {
        guard self.phase == .established, self.writes.hasMark else { return }
        var record: [UInt8] = []
        var promises: [EventLoopPromise<Void>] = []
        do {
            while self.writes.hasMark, let (bytes, promise) = self.writes.popFirst() {
                self.queuedBytes -= bytes.readableBytes
                if let promise { promises.append(promise) }
                if record.count + bytes.readableBytes > Self.recordBytes {
                    try unsafe record.withUnsafeBytes { try unsafe self.session.encrypt($0) }
                    record.removeAll(keepingCapacity: true)
                }
                if bytes.readableBytes >= Self.recordBytes {
                    try self.encrypt(large: bytes, context)
                } else {
                    record += bytes.readableBytesView
                }
                if self.session.outputByteCount >= Self.pieceBytes, record.isEmpty {
                    self.hand(on: promises, context)
                    promises.removeAll()
                }
            }
            try unsafe record.withUnsafeBytes { try unsafe self.session.encrypt($0) }
        } catch {
            for promise in promises { promise.fail(error) }
            return self.fail(context, error)
        }
        self.hand(on: promises, context)
        context.flush()
    }

    private func encrypt(large bytes: ByteBuffer, _ context: ChannelHandlerContext) throws {
        var bytes = bytes
        while let piece = bytes.readSlice(length: min(bytes.readableBytes, Self.pieceBytes)), piece.readableBytes > 0 {
            try unsafe piece.withUnsafeReadableBytes { try unsafe self.session.encrypt($0) }
            if bytes.readableBytes > 0 { self.hand(on: [], context) }
        }
    }

    /// Passes the encrypted bytes to the network; the promises are those of the writes that end in them.
    private func hand(on promises: [EventLoopPromise<Void>], _ context: ChannelHandlerContext) {
        var all = promises.first
        if promises.count > 1 {
            let shared = context.eventLoop.makePromise(of: Void.self)
            for promise in promises { shared.futureResult.cascade(to: promise) }
            all = shared
        }
        if let output = self.session.takeOutput(context.channel.allocator) {
            context.write(self.wrapOutboundOut(output), promise: all)
        } else {
            all?.succeed()
        }
    }

    /// Encrypts what is flushed, adds the closing notice, and tells when the network has taken it.
    private func sendClosingNotice(_ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        if let notice = self.closingNotice { return notice }
        let promise = context.eventLoop.makePromise(of: Void.self)
        self.closingNotice = promise.futureResult
        self.failQueue(ChannelError.outputClosed)
        self.session.close()
        if let output = self.session.takeOutput(context.channel.allocator) {
            context.writeAndFlush(self.wrapOutboundOut(output), promise: promise)
        } else {
            promise.succeed()
        }
        return promise.futureResult
    }

    /// Sends the closing notice, waits until it is sent and answered, though not for long, and closes the channel.
    func closeGracefully(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        self.phase = .closing
        self.close(context, after: self.sendClosingNotice(context), promise: promise)
    }

    /// Sends the alert that libssl has prepared, tells the application, and closes the channel.
    func fail(_ context: ChannelHandlerContext, _ error: any Error) {
        guard self.phase < .closing else { return }
        let wasRefusal = (error as? OpenSSLError)?.code == .peerRefused
        self.phase = .closing
        self.failQueue(error)
        if wasRefusal { self.session.close() }
        let sent = context.eventLoop.makePromise(of: Void.self)
        if let output = self.session.takeOutput(context.channel.allocator) {
            context.writeAndFlush(self.wrapOutboundOut(output), promise: sent)
        } else {
            sent.succeed()
        }
        context.fireErrorCaught(error)
        self.close(context, after: sent.futureResult, promise: nil)
    }

    private func close(_ context: ChannelHandlerContext, after sent: EventLoopFuture<Void>, promise: EventLoopPromise<Void>?) {
        // The peer may close first: however it ends, the channel is closed then, which is what was asked for.
        if let promise { context.channel.closeFuture.cascade(to: promise) }
        let timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(self.limits.closeTimeout)) {
            context.close(mode: .all, promise: nil)
        }
        context.channel.closeFuture.assumeIsolated().whenComplete { _ in timer.cancel() }
        sent.assumeIsolated().whenComplete { result in
            guard case .success = result, !self.isInputClosed else { return context.close(mode: .all, promise: nil) }
            let halfClosed = context.eventLoop.makePromise(of: Void.self)
            halfClosed.futureResult.assumeIsolated().whenFailure { _ in context.close(mode: .all, promise: nil) }
            context.close(mode: .output, promise: halfClosed)
            context.read()
        }
    }

    /// Fails every write that is still queued.
    func failQueue(_ error: any Error) {
        self.queuedBytes = 0
        while let (_, promise) = self.writes.popFirst() { promise?.fail(error) }
    }
}
