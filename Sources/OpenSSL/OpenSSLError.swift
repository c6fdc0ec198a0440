// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// What went wrong in this module: a code to decide on and a message for people.
///
/// Two errors are equal when their codes are; the message may name OpenSSL's own reasons, which differ between releases.
public struct OpenSSLError: Error, Equatable, CustomStringConvertible {
    /// The kinds of failure that a caller may want to tell apart.
    public enum Code: String, Sendable {
        /// libcrypto or libssl refused an operation that should have worked: out of memory, or a provider is missing.
        case openSSLFailure
        /// The caller's argument is out of range.
        case invalidArgument
        /// A key has the wrong length or form, or does not belong to its certificate.
        case invalidKey
        /// A sealed secret was changed, was sealed with another key, or belongs to another context.
        case authenticationFailed
        /// The bytes do not have the expected form at all.
        case malformed
        /// A secret file is readable or writable by others than its owner, or is not a plain file.
        case insecureFile
        /// A file could not be read or written.
        case fileFailure
        /// A certificate could not be parsed or may not be used as asked.
        case invalidCertificate
        /// The TLS handshake failed: the peer refused us, or we refused the peer's certificate.
        case handshakeFailed
        /// The peer's certificate is genuine, but it is not the peer that was expected.
        case peerRefused
        /// A limit of ``TLSLimits`` was reached.
        case limitExceeded
        /// The peer closed the connection without TLS's closing notice, so the last bytes may be missing.
        case truncated
        /// The connection is closed.
        case closed
    }

    /// The kind of failure.
    public let code: Code
    /// What happened, for people. Never holds a secret.
    public let message: String

    /// Makes an error with a message that names the value and what was expected.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Equal when the codes are.
    public static func == (left: OpenSSLError, right: OpenSSLError) -> Bool {
        left.code == right.code
    }

    /// Code and message.
    public var description: String {
        "\(self.code.rawValue): \(self.message)"
    }

    /// An error that carries, and empties, this thread's queue of OpenSSL errors.
    static func fromQueue(_ code: Code, _ operation: String) -> OpenSSLError {
        let reasons = ErrorQueue.drain()
        return OpenSSLError(code, reasons.isEmpty ? operation : "\(operation): \(reasons.joined(separator: "; "))")
    }
}

/// OpenSSL's per-thread error queue. It must be empty before each libssl call whose result is asked for by `SSL_get_error`.
enum ErrorQueue {
    /// At most this many entries are told; OpenSSL itself keeps 16.
    private static let maximumReasons = 4

    /// Forgets errors left by earlier calls on this thread.
    static func clear() {
        ERR_clear_error()
    }

    /// The reasons in the queue, oldest first, and an empty queue.
    static func drain() -> [String] {
        var reasons: [String] = []
        while true {
            let number = ERR_get_error()
            if number == 0 { break }
            if reasons.count < Self.maximumReasons {
                reasons.append(Self.text(of: number))
            }
        }
        return reasons
    }

    private static func text(of number: UInt) -> String {
        if let reason = unsafe ERR_reason_error_string(number) {
            return unsafe String(cString: reason)
        }
        return "error \(String(number, radix: 16))"
    }
}
