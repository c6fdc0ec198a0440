// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why no region's answer could be had.
public struct RegionForwardError: Error, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// No region is known.
        case noRegions
        /// A connection could not be made.
        case cannotConnect
        /// The connection ended before all of the request was sent: the region did not act on it.
        case notSent
        /// The connection ended before all of the answer came: the region may have acted on the request.
        case connectionLost
        /// The region did not answer in time; it may have acted on the request.
        case timedOut
        /// The answer is longer than an answer may be.
        case responseTooLarge
        /// All connections that are allowed are in use.
        case busy
    }

    public let code: Code
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { self.message }

    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }

    /// Whether the region certainly did not act on the request.
    var isBeforeSending: Bool {
        switch self.code {
        case .noRegions, .cannotConnect, .notSent, .busy: true
        case .connectionLost, .timedOut, .responseTooLarge: false
        }
    }
}
