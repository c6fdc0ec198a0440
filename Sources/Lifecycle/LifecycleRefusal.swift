// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why a request is not carried out.
public struct LifecycleRefusal: Error, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// The machine's state does not allow it.
        case wrongStatus
        /// The machine is in the middle of something else.
        case busy
        /// The machine is locked.
        case locked
        /// The machine has no BMC that could do it.
        case noPowerControl
    }

    public let code: Code
    /// A sentence for the user, with the way out.
    public let message: String

    public init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { self.message }
}
