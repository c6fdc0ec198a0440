// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import ClusterMessages
import NIOCore
import Synchronization

/// The other end of one link that is, or was, up. After it is closed it stays closed: the next link is another peer.
public final class LinkPeer: Sendable, CustomStringConvertible {
    /// The role URI of the peer's certificate, such as `gantry:rack:abc123`.
    public let identity: String
    /// The address and port that the peer connects from, or that we connected to.
    public let remoteAddress: String
    /// Which release the peer says it is; for people, and not to be relied on.
    public let software: String
    /// SHA-256 of the peer's certificate in lower-case hexadecimal digits.
    public let certificateFingerprint: String

    let connection: LinkConnection

    init(_ connection: LinkConnection) {
        self.connection = connection
        let (identity, software, fingerprint) = connection.state.withLock { ($0.identity, $0.peerSoftware, $0.peerFingerprint) }
        self.identity = identity
        self.software = software
        self.certificateFingerprint = fingerprint
        if let address = connection.channel.remoteAddress, let host = address.ipAddress, let port = address.port {
            self.remoteAddress = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        } else {
            self.remoteAddress = ""
        }
    }

    /// Whether the link is up.
    public var isOpen: Bool { self.connection.isOpen }

    /// How long the last ping took there and back; nil before the first.
    public var roundTrip: Duration? { self.connection.state.withLock { $0.roundTrip } }

    /// How many events of the peer's were dropped because as many messages as allowed were being handled.
    public var droppedEvents: Int { self.connection.state.withLock { $0.droppedEvents } }

    /// Sends a message and waits for its reply.
    ///
    /// Messages are handled concurrently and may overtake each other: await the reply before sending what must come after.
    ///
    /// - Parameters:
    ///   - message: what to send.
    ///   - deadline: how long to wait, including for a turn when many requests are under way.
    /// - Throws: ``LinkError``, or `CancellationError`.
    public func send<Message: LinkMessage>(_ message: Message, deadline: Duration) async throws -> Message.Reply {
        let body = try LinkCoding.encode(message)
        let reply = try await self.connection.send(name: Message.name, body: body, deadline: deadline)
        return try LinkCoding.decode(Message.Reply.self, from: reply)
    }

    /// Sends a message and does not ask for the reply. It may be lost: when the link breaks, or when the peer has too much to do.
    ///
    /// - Throws: ``LinkError`` when it was not sent.
    public func notify<Message: LinkMessage>(_ message: Message) throws(LinkError) {
        try self.connection.notify(name: Message.name, body: LinkCoding.encode(message))
    }

    /// Closes the link and tells the peer why. A client will try to get a new one.
    public func close(reason: String = "closed on purpose") {
        self.connection.close(reason: reason)
    }

    /// Identity and address.
    public var description: String { "\(self.identity) at \(self.remoteAddress)" }
}
