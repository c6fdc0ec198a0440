// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Whom a ``TLSHandler`` expects at the other end, beyond a certificate signed by an authority that it trusts.
public enum TLSPeerExpectation: Sendable, Hashable {
    /// Anybody whose certificate is trusted; for a server that asks for none, anybody.
    case anyTrusted
    /// A server with this DNS name or IP address among its subject alternative names (RFC 6125).
    case host(String)
    /// A peer with exactly this URI among its subject alternative names.
    case role(String)
    /// A peer with a URI that begins so among its subject alternative names.
    case rolePrefix(String)
}

/// The bounds of one TLS connection. Every one has a default that suits our own controllers.
public struct TLSLimits: Sendable {
    /// How long a handshake may take. Default 10 s: a peer that needs longer is not working.
    public var handshakeTimeout: Duration
    /// How long closing waits for the closing notice, or the alert, to be sent, and then for the peer to close its end. Default 5 s.
    public var closeTimeout: Duration
    /// How many bytes a peer may send before it has completed the handshake. Default 128 KiB: ours needs about 3 KiB.
    public var maximumHandshakeBytes: Int
    /// How many bytes may be queued for sending while the handshake is not complete. Default 1 MiB.
    public var maximumQueuedBytes: Int
    /// How many bytes of TLS's own answers (key updates) may wait for a peer that asks for them and does not read them. Default 256 KiB.
    public var maximumProtocolBytes: Int
    /// Whether the peer's closing notice closes only its direction (an `inputClosed` event is fired, and we go on sending until we
    /// close too) or the connection. Default false: the connection.
    public var allowsHalfClosure: Bool

    /// The defaults, or what is given.
    public init(
        handshakeTimeout: Duration = .seconds(10), closeTimeout: Duration = .seconds(5), maximumHandshakeBytes: Int = 128 << 10,
        maximumQueuedBytes: Int = 1 << 20, maximumProtocolBytes: Int = 256 << 10, allowsHalfClosure: Bool = false
    ) {
        self.handshakeTimeout = handshakeTimeout
        self.closeTimeout = closeTimeout
        self.maximumHandshakeBytes = maximumHandshakeBytes
        self.maximumQueuedBytes = maximumQueuedBytes
        self.maximumProtocolBytes = maximumProtocolBytes
        self.allowsHalfClosure = allowsHalfClosure
    }
}

/// The inbound user event that ``TLSHandler`` fires when the peer is known and data can flow.
///
/// In TLS 1.3 a client gets here *before* the server has looked at its certificate: a refusal comes later, as an error. A client should
/// treat its link as up only when the first reply has come.
public struct TLSHandshakeCompleted: Sendable, Equatable {
    /// The URIs among the subject alternative names of the peer's verified certificate; empty when the peer showed none.
    public let peerURIs: [String]
    /// The common name of the peer's verified certificate.
    public let peerCommonName: String?
    /// SHA-256 of the peer's verified certificate in lower-case hexadecimal digits.
    public let peerFingerprint: String?
    /// The last second of the validity of the peer's certificate, in Unix time.
    public let peerExpiresAt: Int64?
    /// Such as `TLSv1.3`.
    public let protocolVersion: String
}
