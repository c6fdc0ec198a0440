// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import NIOCore

/// One TLS connection without a network: bytes from the peer go in, bytes for the peer come out, over two memory BIOs.
///
/// Not thread-safe; ``TLSHandler`` uses it on its event loop.
@safe final class TLSSession {
    /// Where a handshake stands.
    enum HandshakeProgress {
        case needsMoreBytes
        case completed(TLSHandshakeCompleted)
        case failed(OpenSSLError)
    }

    /// How an attempt to decrypt ended, after whatever it decrypted.
    enum ReadProgress {
        case needsMoreBytes
        /// The peer has sent its closing notice.
        case closed
        case failed(OpenSSLError)
    }

    private let context: TLSContext
    private let expectation: TLSPeerExpectation
    private let session: OpaquePointer
    /// What came from the peer; owned by `session`.
    private let inbound: OpaquePointer
    /// What goes to the peer; owned by `session`.
    private let outbound: OpaquePointer
    /// After a fatal error libssl must not be asked for anything but its last output.
    private var isBroken = false
    private var hasReceivedData = false

    init(context: TLSContext, expecting expectation: TLSPeerExpectation) throws {
        ErrorQueue.clear()
        guard let session = unsafe SSL_new(context.pointer) else { throw OpenSSLError.fromQueue(.openSSLFailure, "SSL_new") }
        guard let inbound = unsafe BIO_new(BIO_s_mem()) else {
            unsafe SSL_free(session)
            throw OpenSSLError.fromQueue(.openSSLFailure, "BIO_new")
        }
        guard let outbound = unsafe BIO_new(BIO_s_mem()) else {
            unsafe BIO_free(inbound)
            unsafe SSL_free(session)
            throw OpenSSLError.fromQueue(.openSSLFailure, "BIO_new")
        }
        // An empty BIO means "ask again later", not "end of file".
        _ = unsafe BIO_ctrl(inbound, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, nil)
        _ = unsafe BIO_ctrl(outbound, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, nil)
        unsafe SSL_set_bio(session, inbound, outbound)
        self.context = context
        self.expectation = expectation
        unsafe self.session = session
        unsafe self.inbound = inbound
        unsafe self.outbound = outbound
        switch context.role {
        case .server: unsafe SSL_set_accept_state(session)
        case .client: unsafe SSL_set_connect_state(session)
        }
        try self.applyExpectation()
    }

    deinit {
        unsafe SSL_free(self.session)
    }

    private func applyExpectation() throws {
        switch self.expectation {
        case .anyTrusted:
            guard self.context.role == .server || self.context.isMutual else {
                throw OpenSSLError(.invalidArgument, "a client without a certificate of its own must name the host that it expects")
            }
        case .role, .rolePrefix:
            guard self.context.verifiesPeer else {
                throw OpenSSLError(.invalidArgument, "a role is expected of a peer that is not asked for a certificate")
            }
        case .host(let name):
            guard self.context.role == .client, !name.isEmpty, !name.utf8.contains(0) else {
                throw OpenSSLError(.invalidArgument, "only a client can expect a host, and \"\(name)\" must be a name or an address")
            }
            try self.expect(host: name)
        }
    }

    private func expect(host: String) throws {
        let isAddress = unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(self.session), host) == 1
        ErrorQueue.clear()
        if isAddress { return }
        unsafe SSL_set_hostflags(self.session, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        guard unsafe SSL_set1_host(self.session, host) == 1 else {
            throw OpenSSLError.fromQueue(.invalidArgument, "the host name \"\(host)\"")
        }
        var name = host.utf8CString.map { $0 }
        guard unsafe SSL_ctrl(self.session, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), &name) == 1 else {
            throw OpenSSLError.fromQueue(.invalidArgument, "the host name \"\(host)\"")
        }
    }

    /// Takes in bytes from the peer.
    func receive(_ bytes: UnsafeRawBufferPointer) throws {
        guard let base = bytes.baseAddress, unsafe !bytes.isEmpty else { return }
        var written = 0
        guard unsafe BIO_write_ex(self.inbound, base, bytes.count, &written) == 1, written == bytes.count else {
            throw OpenSSLError.fromQueue(.openSSLFailure, "BIO_write_ex")
        }
    }

    /// Goes on with the handshake as far as the bytes received allow.
    func handshake() -> HandshakeProgress {
        guard !self.isBroken else { return .failed(OpenSSLError(.closed, "the TLS session has failed before")) }
        ErrorQueue.clear()
        let result = unsafe SSL_do_handshake(self.session)
        if result == 1 { return self.examinePeer() }
        let error = unsafe SSL_get_error(self.session, result)
        if error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE { return .needsMoreBytes }
        self.isBroken = true
        return .failed(self.failure(.handshakeFailed, "the TLS handshake failed"))
    }

    private func examinePeer() -> HandshakeProgress {
        let version = unsafe String(cString: SSL_get_version(self.session))
        var details: CertificateDetails?
        if let pointer = unsafe SSL_get1_peer_certificate(self.session) {
            details = CertificateDetails(unsafe X509Certificate(taking: pointer))
        }
        if self.context.verifiesPeer {
            let verdict = unsafe SSL_get_verify_result(self.session)
            guard let details, verdict == Int(X509_V_OK) else {
                return .failed(OpenSSLError(.handshakeFailed, "the peer showed no certificate that can be trusted"))
            }
            switch self.expectation {
            case .anyTrusted, .host: break
            case .role(let role):
                guard details.uris.contains(role) else { return .failed(Self.unexpected(details, expected: role)) }
            case .rolePrefix(let prefix):
                guard details.uris.contains(where: { $0.hasPrefix(prefix) }) else {
                    return .failed(Self.unexpected(details, expected: "\(prefix)…"))
                }
            }
        } else {
            details = nil  // never hand on names that nobody has verified
        }
        return .completed(
            TLSHandshakeCompleted(
                peerURIs: details?.uris ?? [], peerCommonName: details?.commonName, peerFingerprint: details?.fingerprint,
                peerExpiresAt: details?.expiresAt, protocolVersion: version))
    }

    private static func unexpected(_ details: CertificateDetails, expected: String) -> OpenSSLError {
        OpenSSLError(.peerRefused, "the peer is \(details.uris.joined(separator: ", ")), expected \(expected)")
    }

    /// Decrypts all that has been received, appending to `plaintext`.
    func decrypt(into plaintext: inout ByteBuffer) -> ReadProgress {
        guard !self.isBroken else { return .failed(OpenSSLError(.closed, "the TLS session has failed before")) }
        while true {
            ErrorQueue.clear()
            var succeeded = false
            // A record holds at most 16 KiB (RFC 8446 section 5.1).
            let capacity = max(512, min(16 << 10, unsafe BIO_ctrl_pending(self.inbound)))
            let count = unsafe plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: capacity) { buffer in
                var read = 0
                succeeded = unsafe SSL_read_ex(self.session, buffer.baseAddress, buffer.count, &read) == 1
                return succeeded ? read : 0
            }
            if succeeded {
                self.hasReceivedData = self.hasReceivedData || count > 0
                continue
            }
            switch unsafe SSL_get_error(self.session, 0) {
            case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .needsMoreBytes
            case SSL_ERROR_ZERO_RETURN: return .closed
            default:
                self.isBroken = true
                // In TLS 1.3 the server's refusal of our certificate arrives here, as the first thing it says.
                return .failed(
                    self.hasReceivedData || self.context.role == .server
                        ? self.failure(.malformed, "the peer's bytes are not TLS, or it ended the session")
                        : self.failure(.handshakeFailed, "the server ended the session"))
            }
        }
    }

    /// Encrypts bytes for the peer.
    func encrypt(_ bytes: UnsafeRawBufferPointer) throws {
        guard let base = bytes.baseAddress, unsafe !bytes.isEmpty else { return }
        guard !self.isBroken else { throw OpenSSLError(.closed, "the TLS session has failed before") }
        ErrorQueue.clear()
        var written = 0
        // A memory BIO takes everything, so a partial write cannot happen.
        guard unsafe SSL_write_ex(self.session, base, bytes.count, &written) == 1, written == bytes.count else {
            self.isBroken = true
            throw self.failure(.openSSLFailure, "SSL_write_ex")
        }
    }

    /// Prepares our closing notice (RFC 8446 section 6.1).
    func close() {
        guard !self.isBroken else { return }
        ErrorQueue.clear()
        _ = unsafe SSL_shutdown(self.session)
        ErrorQueue.clear()
    }

    /// How many bytes wait to be sent to the peer.
    var outputByteCount: Int {
        unsafe BIO_ctrl_pending(self.outbound)
    }

    /// What is to be sent to the peer; nil when there is nothing. To be taken after every step, also after a failed one: it may be the
    /// alert that tells the peer why.
    func takeOutput(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
        let count = self.outputByteCount
        guard count > 0 else { return nil }
        var buffer = allocator.buffer(capacity: count)
        unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
            var read = 0
            return unsafe BIO_read_ex(self.outbound, bytes.baseAddress, count, &read) == 1 ? read : 0
        }
        return buffer
    }

    private func failure(_ code: OpenSSLError.Code, _ what: String) -> OpenSSLError {
        let verdict = unsafe SSL_get_verify_result(self.session)
        guard self.context.verifiesPeer, verdict != Int(X509_V_OK), let text = unsafe X509_verify_cert_error_string(verdict) else {
            return OpenSSLError.fromQueue(code, what)
        }
        return OpenSSLError.fromQueue(code, "\(what): \(unsafe String(cString: text))")
    }
}
