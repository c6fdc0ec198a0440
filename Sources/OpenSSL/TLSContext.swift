// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// How one end of TLS connections is set up: version, certificates, whom to trust. Made once, used by any number of ``TLSHandler``s.
///
/// `@unchecked Sendable`: an `SSL_CTX` that is no longer configured may be used by many threads, and this class never changes it after
/// its initializer.
@safe public final class TLSContext: @unchecked Sendable {
    /// Which end of the handshake.
    enum Role {
        case server
        case client
    }

    let pointer: OpaquePointer
    let role: Role
    /// Whether the peer must show a certificate signed by an authority that we trust.
    let verifiesPeer: Bool
    /// Whether we show a certificate of ours and the peer shows one too.
    let isMutual: Bool

    /// TLS 1.3 only; a client without a certificate signed by the identity's trusted authority is refused.
    ///
    /// - Throws: ``OpenSSLError`` `openSSLFailure`.
    public static func mutualServer(identity: TLSIdentity) throws -> TLSContext {
        let context = try TLSContext(role: .server, verifiesPeer: true, isMutual: true)
        try context.use(chain: identity.chain, key: identity.key)
        try context.trust(identity.authorities)
        return context
    }

    /// TLS 1.3 only; shows the identity's certificate, and the server's must be signed by the identity's trusted authority.
    ///
    /// - Throws: ``OpenSSLError`` `openSSLFailure`.
    public static func mutualClient(identity: TLSIdentity) throws -> TLSContext {
        let context = try TLSContext(role: .client, verifiesPeer: true, isMutual: true)
        try context.use(chain: identity.chain, key: identity.key)
        try context.trust(identity.authorities)
        return context
    }

    /// TLS 1.2 or later, for clients of any kind; they are not asked for a certificate.
    ///
    /// - Throws: ``OpenSSLError`` `invalidCertificate`, `invalidKey`, `openSSLFailure`.
    public static func server(certificateChainPEM: String, privateKeyPEM: String) throws -> TLSContext {
        let context = try TLSContext(role: .server, verifiesPeer: false, isMutual: false)
        let (chain, key) = try TLSIdentity.chainAndKey(certificateChainPEM: certificateChainPEM, privateKeyPEM: privateKeyPEM)
        try context.use(chain: chain, key: key)
        return context
    }

    /// TLS 1.2 or later, without a certificate of our own; the server's must be signed by the given authority and name the host.
    ///
    /// - Throws: ``OpenSSLError`` `invalidCertificate`, `openSSLFailure`.
    public static func client(trustedAuthorityPEM: String) throws -> TLSContext {
        let context = try TLSContext(role: .client, verifiesPeer: true, isMutual: false)
        try context.trust(TLSIdentity.authorities(in: trustedAuthorityPEM))
        return context
    }

    private init(role: Role, verifiesPeer: Bool, isMutual: Bool) throws {
        ErrorQueue.clear()
        guard let pointer = unsafe SSL_CTX_new(role == .server ? TLS_server_method() : TLS_client_method()) else {
            throw OpenSSLError.fromQueue(.openSSLFailure, "SSL_CTX_new")
        }
        unsafe self.pointer = pointer
        self.role = role
        self.verifiesPeer = verifiesPeer
        self.isMutual = isMutual
        let minimumVersion = isMutual ? TLS1_3_VERSION : TLS1_2_VERSION
        guard unsafe SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(minimumVersion), nil) == 1 else {
            throw OpenSSLError.fromQueue(.openSSLFailure, "SSL_CTRL_SET_MIN_PROTO_VERSION")
        }
        _ = unsafe SSL_CTX_set_options(pointer, Self.noRenegotiation | Self.noCompression)
        // Idle connections give their two record buffers back: 1,000 idle peers then cost 30 MB, not 60.
        _ = unsafe SSL_CTX_ctrl(pointer, SSL_CTRL_MODE, Int(SSL_MODE_RELEASE_BUFFERS), nil)
        _ = unsafe SSL_CTX_ctrl(pointer, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
        _ = unsafe SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MAX_CERT_LIST, Self.maximumPeerChainBytes, nil)
        if role == .server {
            // Resumption would skip looking at the client's certificate; and its tickets are one more write per connection.
            _ = unsafe SSL_CTX_set_num_tickets(pointer, 0)
            _ = unsafe SSL_CTX_set_options(pointer, Self.noTicket)
        }
        let mode = verifiesPeer ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE
        unsafe SSL_CTX_set_verify(pointer, mode, nil)
    }

    deinit {
        unsafe SSL_CTX_free(self.pointer)
    }

    // SSL_OP_* are macro calls, which Swift does not import.
    private static let noTicket: UInt64 = 1 << 14
    private static let noCompression: UInt64 = 1 << 17
    private static let noRenegotiation: UInt64 = 1 << 30
    /// The longest certificate chain of a peer, in bytes: ours are one certificate of about 700.
    private static let maximumPeerChainBytes = 32 << 10

    private func use(chain: [X509Certificate], key: PrivateKey) throws {
        guard let leaf = chain.first, unsafe SSL_CTX_use_certificate(self.pointer, leaf.pointer) == 1,
            unsafe SSL_CTX_use_PrivateKey(self.pointer, key.pointer) == 1
        else { throw OpenSSLError.fromQueue(.openSSLFailure, "using the certificate and its key") }
        for certificate in chain.dropFirst() {
            // SSL_CTX_add1_chain_cert: the 1 takes a reference of its own.
            guard unsafe SSL_CTX_ctrl(self.pointer, SSL_CTRL_CHAIN_CERT, 1, UnsafeMutableRawPointer(certificate.pointer)) == 1 else {
                throw OpenSSLError.fromQueue(.openSSLFailure, "using the certificate chain")
            }
        }
    }

    private func trust(_ authorities: [X509Certificate]) throws {
        for authority in authorities {
            guard unsafe X509_STORE_add_cert(SSL_CTX_get_cert_store(self.pointer), authority.pointer) == 1 else {
                throw OpenSSLError.fromQueue(.openSSLFailure, "trusting the authority")
            }
            if self.role == .server {
                // The names of the authorities tell a client with several certificates which one to show.
                guard unsafe SSL_CTX_add_client_CA(self.pointer, authority.pointer) == 1 else {
                    throw OpenSSLError.fromQueue(.openSSLFailure, "naming the authority")
                }
            }
        }
    }
}
