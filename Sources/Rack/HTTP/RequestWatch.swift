// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Sees a connection's octets before they are parsed, so that a request that only drips in can be told from an idle connection.
final class RequestWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// When the first octet of a request came that is not complete yet.
    private(set) var begun: NIODeadline?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.begun == nil { self.begun = .now() }
        context.fireChannelRead(data)
    }

    /// The request's head is complete, or there was none.
    func reset() {
        self.begun = nil
    }
}
