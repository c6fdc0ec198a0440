// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why there is no (whole) answer. A status code, whichever, is an answer and no error.
public struct HTTPClientError: Error, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Hashable, CaseIterable {
        /// The URL cannot be understood, or its scheme is none of ours.
        case invalidURL
        case cannotResolve
        /// Nothing listens there.
        case connectionRefused
        /// No route to the host or its network.
        case unreachable
        case timedOut
        /// The server's certificate is not to be trusted.
        case certificateRefused
        /// The TLS handshake failed for another reason.
        case tlsFailed
        case tooManyRedirects
        /// Longer than `maximumResponseBytes`.
        case responseTooLarge
        /// The peer went away in the middle.
        case connectionLost
        /// The `file` URL names nothing that can be read.
        case fileNotFound
        /// The file that a download goes to cannot be written.
        case fileFailed
        /// The server cannot go on in the middle of a file.
        case rangeRefused
        /// Not as many bytes as were expected.
        case wrongSize
        /// A download was answered with an error status.
        case refused
        /// The client was let go of.
        case closed
        case other
    }

    public let code: Code
    /// What happened, with the URL.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Errors are equal when their codes are.
    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }

    public var description: String { self.message }
}
