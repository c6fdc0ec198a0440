// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why a DHCP service cannot start.
public struct DHCPServiceError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// No such network interface.
        case noInterface
        /// A socket cannot be opened: the port is taken, or a capability is missing (CAP_NET_RAW, CAP_NET_BIND_SERVICE).
        case socket
        /// The lease journal cannot be opened.
        case journal
        /// Started twice, or after it was stopped.
        case wrongState
        /// A setting that nothing can be served by.
        case configuration
        /// No memory or no thread.
        case resources
    }

    public let code: Code
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.code == right.code
    }

    public var description: String { "\(self.code.rawValue): \(self.message)" }
}
