// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import OpenSSL

/// Serves one link until it ends: callbacks, and a task for each message.
struct LinkService: Sendable {
    let handlers: LinkHandlers
    let peer: LinkPeer
    let onUp: @Sendable (LinkPeer) async -> Void
    let onDown: @Sendable (LinkPeer) async -> Void

    /// Returns when the link has ended and its handlers have, too.
    func run() async {
        await withDiscardingTaskGroup { group in
            await self.run(in: &group)
        }
    }

    /// Returns when the link has ended; its handlers go on in the caller's group.
    func run(in group: inout DiscardingTaskGroup) async {
        let (ended, endedSink) = AsyncStream.makeStream(of: Void.self)
        group.addTask {
            await self.onUp(self.peer)
            for await _ in ended {}
            await self.onDown(self.peer)
        }
        for await event in self.peer.connection.events {
            guard case .message(let frame) = event else { continue }
            group.addTask { await self.handle(frame) }
        }
        // The loop also ends when the task is cancelled.
        self.peer.connection.close(reason: LinkGoodbye.shutDown)
        endedSink.finish()
    }

    private func handle(_ frame: LinkFrame) async {
        let answer = await self.handlers.answer(frame, from: self.peer)
        if frame.kind == .request { await self.peer.connection.answer(answer) }
        self.peer.connection.handled(frame)
    }
}

/// How the sockets of links are set up.
enum LinkSocket {
    /// TCP gives up a connection whose bytes are not acknowledged for this long (RFC 793 "user timeout", Linux's TCP_USER_TIMEOUT).
    static let userTimeoutOption = ChannelOptions.Types.SocketOption(level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_USER_TIMEOUT))

    /// In milliseconds.
    static func userTimeout(_ limits: LinkLimits) -> SocketOptionValue {
        SocketOptionValue(clamping: TimeAmount(limits.deadAfter).nanoseconds / 1_000_000)
    }

    /// Handshaking and closing may each take as long as opening. The link itself has ended before its socket is closed.
    static func tlsLimits(_ limits: LinkLimits) -> TLSLimits {
        TLSLimits(handshakeTimeout: limits.openTimeout, closeTimeout: limits.openTimeout)
    }
}
