// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import OpenSSL

/// The end of a link's pipeline: cuts the plain bytes into frames for the ``LinkConnection`` and keeps its clock.
final class LinkChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: LinkConnection
    private let rolePrefix: String
    private var decoder: LinkFrameDecoder
    private var openTimer: Scheduled<Void>?
    private var keepalive: RepeatedTask?

    init(connection: LinkConnection, rolePrefix: String) {
        self.connection = connection
        self.rolePrefix = rolePrefix
        self.decoder = LinkFrameDecoder(maximumFrameBytes: connection.limits.maximumFrameBytes)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { self.startTimers(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.startTimers(context)
    }

    private func startTimers(_ context: ChannelHandlerContext) {
        guard self.openTimer == nil else { return }
        let connection = self.connection
        let limits = connection.limits
        self.openTimer = context.eventLoop.scheduleTask(in: TimeAmount(limits.openTimeout)) {
            if !connection.isOpen { connection.close(reason: "the link was not up after \(limits.openTimeout)", tellPeer: false) }
        }
        let interval = TimeAmount(limits.pingInterval)
        self.keepalive = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            if connection.isOpen { connection.tick() }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let peer = event as? TLSHandshakeCompleted, let problem = self.connection.identified(peer, rolePrefix: self.rolePrefix) {
            self.connection.close(reason: problem)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.connection.heard()
        self.decoder.append(self.unwrapInboundIn(data))
        do {
            while self.connection.endReason == nil, let frame = try self.decoder.next() {
                if let problem = self.connection.receive(frame) {
                    return self.connection.close(reason: "protocol violation: \(problem)")
                }
            }
        } catch {
            self.connection.close(reason: "protocol violation: \(error)")
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.connection.end(reason: "\(error)")
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.connection.end(reason: "the peer closed the connection")
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.openTimer?.cancel()
        self.keepalive?.cancel()
        self.connection.end(reason: "the connection is gone")
    }
}
