// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why the cloud on this machine does not start; the message says what to do next.
public struct OneMachineError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
